// The engine in a page: what a bundler for browsers takes for 'emotion-gcn/engine'.
export { openDevice } from './device/browser';
export * from './engine';
