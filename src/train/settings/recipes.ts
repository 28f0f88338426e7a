// Settings that go together, under one name.
import { choice, orNone, type Settings } from './settings';

export interface RecipeArgs {
  /** Whose settings are the defaults of all others; null: each has its own. */
  recipe: RecipeName | null;
}

/**
 * What each recipe is for, and the settings that it has as defaults: whatever is given besides stands, and args.json spells all of them out.
 */
export const RECIPES = {
  small_set: {
    about: 'some hundreds of faces: a small network that knows faces already, of which the heads alone are trained',
    settings: {
      network: 'denselite',
      pretrained: 'faces',
      freeze_backbone: true,
      batch_size: 16,
      epochs: 20,
      lr: 0.003,
      schedule: 'cosine',
      label_smoothing: 0.1,
      sampler: 'balanced',
      class_weights: 'none',
      rotation: 0,
      best: 'loss',
    },
  },
} as const;

export type RecipeName = keyof typeof RECIPES;

const NAMES = Object.keys(RECIPES) as RecipeName[];

export const RECIPE: Settings<RecipeArgs> = {
  recipe: {
    kind: orNone(choice(...NAMES)),
    default: null,
    help: `defaults of other settings by what there is to learn from: ${NAMES.join(', ')} (below)`,
  },
};

/** What was given, and under it what its recipe says. A recipe that is none is left to be found out as such. */
export function withRecipe(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { recipe } = given;
  const named = NAMES.find((name) => name === recipe);
  const own = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...(named && RECIPES[named].settings), ...Object.fromEntries(own) };
}

/** For people: each recipe, and the flags that it stands for. */
export const describeRecipes = (): string =>
  Object.entries(RECIPES)
    .map(([name, { about, settings }]) => {
      const flags = Object.entries(settings).map(([flag, value]) => `--${flag} ${value === true ? 'on' : value}`);
      return `  ${name}: ${about}\n    ${flags.join(' ')}`;
    })
    .join('\n');
