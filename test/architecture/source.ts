import { glob, readFile } from 'node:fs/promises';
import { dirname, join, normalize, relative } from 'node:path';

import ts from 'typescript';

import { ROOT } from '../tools/steps.ts';

export interface Import {
  /** From the root of the repository for our own files, else the package as it is written. */
  target: string;
  /** `type` for imports and re-exports that leave nothing at run time, `dynamic` for `import(…)`. */
  kind: 'value' | 'type' | 'dynamic';
}

/** One of our source files, parsed. */
export interface Source {
  /** From the root of the repository, as `daemon/store/verify.ts`. */
  file: string;
  lines: number;
  imports: readonly Import[];
  /** Calls and property reads that have a home elsewhere, as `Date.now`, with the line. */
  uses: readonly { name: string; line: number }[];
  text: string;
}

const WATCHED = new Set(['Date.now', 'process.env', 'Math.random', 'process.exit']);

/** Every TypeScript file of the daemon and its API. */
export async function readSources(): Promise<Source[]> {
  const files: string[] = [];
  for await (const file of glob('{daemon,api}/**/*.ts', { cwd: ROOT })) files.push(file);
  return Promise.all(files.sort().map(async (file) => parseSource(file, await readFile(join(ROOT, file), 'utf8'))));
}

export function parseSource(file: string, text: string): Source {
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const imports: Import[] = [];
  const uses: { name: string; line: number }[] = [];
  const visit = (node: ts.Node): void => {
    const found = importIn(node);
    if (found !== undefined) imports.push({ ...found, target: resolveTarget(file, found.target) });
    const name = useIn(node);
    if (name !== undefined) uses.push({ name, line: tree.getLineAndCharacterOfPosition(node.getStart()).line + 1 });
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return { file, lines: text.split('\n').length, imports, uses, text };
}

function importIn(node: ts.Node): Import | undefined {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const clause = node.importClause;
    const named = clause?.namedBindings;
    const onlyTypes =
      named !== undefined && ts.isNamedImports(named) && clause?.name === undefined && named.elements.every((one) => one.isTypeOnly);
    const typeOnly = clause?.phaseModifier === ts.SyntaxKind.TypeKeyword || onlyTypes;
    return { target: node.moduleSpecifier.text, kind: typeOnly ? 'type' : 'value' };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)) {
    return { target: node.moduleSpecifier.text, kind: node.isTypeOnly ? 'type' : 'value' };
  }
  const [argument] = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword ? node.arguments : [];
  return argument !== undefined && ts.isStringLiteral(argument) ? { target: argument.text, kind: 'dynamic' } : undefined;
}

function useIn(node: ts.Node): string | undefined {
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && (node.arguments?.length ?? 0) === 0) return 'new Date()';
  if (!ts.isPropertyAccessExpression(node)) return undefined;
  const name = node.getText();
  return WATCHED.has(name) ? name : name.startsWith('console.') ? 'console' : undefined;
}

function resolveTarget(file: string, target: string): string {
  return target.startsWith('.') ? relative('.', normalize(join(dirname(file), target))) : target;
}
