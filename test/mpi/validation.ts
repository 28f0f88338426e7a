/** Faces of validation in these trainings, by which its batches are told. */
export const VALIDATION = 7;
