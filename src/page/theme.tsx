// Light or dark: as the system has it, until somebody chooses.
import { useEffect, useState } from 'preact/hooks';

type Theme = 'light' | 'dark';
const KEY = 'emotion-gcn theme';
const system = matchMedia('(prefers-color-scheme: dark)');

/** What was chosen; null: nothing, or this browser keeps nothing for a page. */
function kept(): Theme | null {
  try {
    const theme = localStorage.getItem(KEY);
    return theme === 'light' || theme === 'dark' ? theme : null;
  } catch {
    return null;
  }
}

function keep(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // It holds as long as the page is open.
  }
}

function apply(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  dispatchEvent(new Event('theme'));
}

// Before anything is drawn.
const first = kept();
if (first) apply(first);

/** Calls `changed` whenever colours may be others; returns what ends that. */
export function onTheme(changed: () => void): () => void {
  system.addEventListener('change', changed);
  addEventListener('theme', changed);
  return () => {
    system.removeEventListener('change', changed);
    removeEventListener('theme', changed);
  };
}

export function ThemeButton() {
  const [chosen, choose] = useState(first);
  const [, redraw] = useState(0);
  useEffect(() => onTheme(() => redraw((n) => n + 1)), []);
  const dark = (chosen ?? (system.matches ? 'dark' : 'light')) === 'dark';
  const turn = (): void => {
    const theme = dark ? 'light' : 'dark';
    keep(theme);
    apply(theme);
    choose(theme);
  };
  return (
    <button
      type="button"
      class="icon"
      onClick={turn}
      aria-label="Dark colours"
      aria-pressed={dark}
      title="Light or dark"
    >
      <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
        <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" stroke-width="1.5" />
        <path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor" />
      </svg>
    </button>
  );
}
