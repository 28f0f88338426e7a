// The page: reads from <script id="page"> what it is to show, and shows it.
import { render } from 'preact';
import './page.css';
import './views/views.css';
import { App } from './app';
import type { PageSource } from './protocol';

const text = document.getElementById('page')?.textContent ?? '';
const root = document.createElement('div');
root.id = 'root';
document.body.prepend(root);
render(
  text ? <App source={JSON.parse(text) as PageSource} /> : <p>This page was built, but given nothing to show.</p>,
  root,
);
