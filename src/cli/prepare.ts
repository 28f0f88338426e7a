// `emotion-gcn prepare`: files that a training starts from.
import { Command } from 'commander';
import { prepareAffectNet, prepareAffWild2 } from './prepare_annotations';
import { prepareFaces } from './prepare_faces';
import { prepareAdjacency, prepareEmbeddings } from './prepare_graph';

const NOTE = `
All but faces make the original program's files: its scripts and its training read them, and so does emotion-gcn train (--data, --adj,
--emb), which needs none of them: it also takes AffectNet's CSV, Aff-Wild2's annotation folder and GloVe's text, and makes the
label graph itself.`;

/** `emotion-gcn prepare` */
export function prepareCommand(): Command {
  const command = new Command('prepare')
    .description(
      "make what a training starts from: a CSV of the faces in your own photographs, and the original's files",
    )
    .addHelpText('after', NOTE);
  for (const make of [prepareAffectNet, prepareAffWild2, prepareEmbeddings, prepareAdjacency, prepareFaces]) {
    command.addCommand(make());
  }
  return command;
}
