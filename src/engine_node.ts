// The engine on Node: what a script imports from 'emotion-gcn/engine'.

export { type AdapterOptions, openDevice } from './device/node';
export * from './engine';
