// `emotion-gcn prepare`: the files that the original's training starts from, and how they come about.
import { Command } from 'commander';
import { prepareAffectNet, prepareAffWild2 } from './prepare_annotations';
import { prepareAdjacency, prepareEmbeddings } from './prepare_graph';

const NOTE = `
The files are the original program's: its scripts and its training read them, and so does emotion-gcn train (--data, --adj,
--emb), which needs none of them: it also takes AffectNet's CSV, Aff-Wild2's annotation folder and GloVe's text, and makes the
label graph itself.`;

/** `emotion-gcn prepare` */
export function prepareCommand(): Command {
  const command = new Command('prepare')
    .description("make the original's files: annotation pickles, emb.pkl, adj.pkl")
    .addHelpText('after', NOTE);
  for (const make of [prepareAffectNet, prepareAffWild2, prepareEmbeddings, prepareAdjacency]) {
    command.addCommand(make());
  }
  return command;
}
