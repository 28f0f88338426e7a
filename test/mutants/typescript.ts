import type * as ts from 'typescript/unstable/ast';
import * as is from 'typescript/unstable/ast/is';
import { API, type Project } from 'typescript/unstable/sync';
import { type Change, OPERATORS, TWINS } from './change';

/** What speaks of time, which no test measures. */
const TIME = /(ms|seconds?|minutes?|timeout|interval|delay|wait)$/i;
/** What is given words for people: a line to say, or what is thrown. */
const TOLD = /^(say|notice|warn|log)$/;
const SPEAKS = /(Error|^fail|^refuse|^say|^notice|^warn|^log|^setTimeout|^setInterval)$/;
/** What is given sources of WGSL, whose order means nothing. */
const UNORDERED = /^define(Kernel|(Column)?Gemm)$/;

/** The project of a folder as TypeScript's compiler sees it. */
export class Compiler {
  private readonly api: API;
  private project: Project;
  private readonly config: string;

  constructor(folder: string) {
    this.api = new API({ cwd: folder });
    this.config = `${folder}/tsconfig.json`;
    this.project = this.open({ openProjects: [this.config] });
  }

  private open(params: Parameters<API['updateSnapshot']>[0]): Project {
    const project = this.api.updateSnapshot(params).getProject(this.config);
    if (!project) throw new Error(`${this.config}: expected TypeScript to open it, found no project`);
    return project;
  }

  /** All small breaks of a file, by its absolute path. */
  changesOf(file: string): Change[] {
    const source = this.project.program.getSourceFile(file);
    if (!source) throw new Error(`${file} is no file of ${this.config}`);
    const changes: Change[] = [];
    visit(source, source, changes);
    return changes;
  }

  /** Whether a file that was written anew holds to its types. */
  accepts(file: string): boolean {
    this.project = this.open({ fileChanges: { changed: [file] } });
    return this.project.program.getSemanticDiagnostics(file).length === 0;
  }

  close(): void {
    this.api.close();
  }
}

/** Leaves out types, imports, what is thrown and what is said. */
function visit(node: ts.Node, source: ts.SourceFile, changes: Change[]): void {
  if (is.isTypeNode(node) || is.isImportDeclaration(node) || is.isThrowStatement(node) || speaks(node)) return;
  if ((is.isVariableDeclaration(node) || is.isPropertyAssignment(node)) && TIME.test(node.name.getText(source))) return;
  changes.push(...changesAt(node, source));
  node.forEachChild((child) => visit(child, source, changes));
}

const speaks = (node: ts.Node): boolean =>
  (is.isNewExpression(node) || is.isCallExpression(node)) && SPEAKS.test(nameOf(node.expression));

/** The last name of what is called. */
const nameOf = (called: ts.Node): string =>
  is.isIdentifier(called) ? called.text : is.isPropertyAccessExpression(called) ? called.name.getText() : '';

function changesAt(node: ts.Node, source: ts.SourceFile): Change[] {
  const start = node.getStart(source);
  const text = source.text.slice(start, node.end);
  const change = (sort: string, by: string, from = start, end = node.end): Change => ({
    start: from,
    end,
    text: by,
    sort,
  });
  if (is.isNumericLiteral(node)) return numbers(text).map((by) => change('number', by));
  if (is.isBinaryExpression(node)) {
    const operator = node.operatorToken.getText(source);
    const by = OPERATORS[operator];
    if (!by) return [];
    const sort = /^[<>]=?$/.test(operator) ? 'edge' : /^[-+]=?$/.test(operator) ? 'sign' : 'operator';
    return [change(sort, by, node.operatorToken.getStart(source), node.operatorToken.end)];
  }
  if (is.isPrefixUnaryExpression(node) && /^[-!]/.test(text)) return [change('sign', text.slice(1))];
  if (is.isAwaitExpression(node)) return [change('await', text.replace(/^await\s+/, ''))];
  if (is.isIfStatement(node) || is.isConditionalExpression(node)) {
    const condition = is.isIfStatement(node) ? node.expression : node.condition;
    const [from, end] = [condition.getStart(source), condition.end];
    const inside = source.text.slice(from, end);
    return [`false && (${inside})`, `true || (${inside})`].map((by) => change('condition', by, from, end));
  }
  if (is.isExpressionStatement(node)) {
    const called = is.isAwaitExpression(node.expression) ? node.expression.expression : node.expression;
    return is.isCallExpression(called) && !TOLD.test(nameOf(called.expression)) ? [change('call', ';')] : [];
  }
  if (is.isCallExpression(node)) {
    const found: Change[] = [];
    const called = nameOf(node.expression);
    if (Object.hasOwn(TWINS, called)) {
      const at = node.expression.end - called.length;
      found.push(change('twin', TWINS[called], at, at + called.length));
    }
    for (const [i, second] of UNORDERED.test(called) ? [] : [...node.arguments].entries()) {
      const first = node.arguments[i - 1];
      if (!first || !is.isIdentifier(first) || !is.isIdentifier(second)) continue;
      found.push(change('order', `${second.text}, ${first.text}`, first.getStart(source), second.end));
    }
    return found;
  }
  return [];
}

/** One more and one less. */
function numbers(text: string): string[] {
  const n = Number(text.replaceAll('_', ''));
  return Number.isFinite(n) ? [n + 1, n - 1].map((by) => (by < 0 ? `(${by})` : `${by}`)) : [];
}
