// The engine in a page: what a page imports from 'emotion-gcn/browser'.
export * from './engine_page';
