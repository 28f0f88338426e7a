/** The port on which the page is served unless it is taken. */
export const PORT = 6060;
