export { BregBlock, BregLayer } from './bregnext';
export * from './config';
export { DenseBlock, DenseLayer, DenseNet121Features, Transition } from './densenet';
export * from './emotion';
export { GcnHead, GraphConvolution, normalisedAdjacency } from './gcn';
export { type Identity, identify, sharedName } from './identify';
export { BatchNorm2d, Conv2d, Linear, Sequential } from './layers';
export { Counter, Module, observe, readState, type StateEntry } from './module';
export { formatSummary, type LayerSummary, type Summary, summarise } from './summary';
