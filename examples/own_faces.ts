// Labels of one's own on faces of one's own: a folder for each label, a few dozen pictures in each.
//   node scripts/run.mjs examples/own_faces.ts FOLDER RUN [EPOCHS]
// (In a program that has installed the package, import from 'emotion-gcn'.)
import { join } from 'node:path';
import { predict, readRun, readTrainArgs, Trainer } from '../src/index';

const [folder, run, epochs = '20'] = process.argv.slice(2);

// A small network that knows faces already (it comes with the package), of which the heads alone are trained. FOLDER has a folder for
// each part: train and val, and in those one for each label; their names are the classes.
const args = readTrainArgs({ recipe: 'small_set', model: 'single_task', data: folder, saved_model: run, epochs });
const outcome = await new Trainer(args, {
  hooks: { onEpoch: ({ epoch, val_accuracy }) => console.log(`epoch ${epoch}: accuracy ${val_accuracy}`) },
}).run();
if (outcome.status === 'finished') console.log(`best accuracy ${outcome.metrics.accuracy}`);

const trained = readRun(run);
console.log(`classes ${trained.args.classes.join(', ')}`);
for await (const { image, expression } of predict(trained, [join(folder, 'val')], { faces: 'none' }))
  console.log(`${image}: ${expression}`);
