import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { type CarIndex, indexCar, singleBlockCar } from './car-file.ts';
import { blakeCid, link, RAW } from './cids.ts';
import { RpcError } from './errors.ts';

interface Import {
  /** Beyond 2^53. */
  id: string;
  root: string;
  filePath: string;
  carPath: string;
  /** The CAR is the user's own file: it is read where it lies, and never removed. */
  usersCar: boolean;
}

const LEAF_BYTES_MAX = 1 << 20;
const FIRST_ID = 1_795_345_580_497_077_080n;

/**
 * What the node's client has imported. A CAR (`IsCAR`) is used where it is and must stay there while deals need it; any other
 * file becomes a CAR of the node's.
 */
export class Imports {
  readonly #dir: string;
  #imports: Import[] = [];
  #nextId = FIRST_ID;
  readonly #indexes = new Map<string, { stamp: string; index: CarIndex }>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  async add(path: string, isCar: boolean): Promise<Import> {
    const id = (this.#nextId++).toString();
    const carPath = isCar ? path : join(this.#dir, `${id}.car`);
    if (!isCar) await wrapFile(path, carPath);
    const { root } = await this.index(carPath);
    const added = { id, root, filePath: path, carPath, usersCar: isCar };
    this.#imports.push(added);
    return added;
  }

  list(): Record<string, unknown>[] {
    return this.#imports.map(({ id, root, filePath, carPath }) => ({
      Key: BigInt(id),
      Err: '',
      Root: link(root),
      Source: 'import',
      FilePath: filePath,
      CARPath: carPath,
    }));
  }

  async remove(id: string): Promise<void> {
    const found = this.#imports.find((one) => one.id === id);
    if (found === undefined) throw new RpcError(1, `failed to get import metadata: datastore: key not found`);
    this.#imports = this.#imports.filter((one) => one !== found);
    if (!found.usersCar) await rm(found.carPath, { force: true });
  }

  has(root: string): boolean {
    return this.#imports.some((one) => one.root === root);
  }

  /** The CAR that has the DAG of that root. */
  async car(root: string): Promise<CarIndex> {
    const found = this.#imports.find((one) => one.root === root);
    if (found === undefined) throw new RpcError(1, `no import found for root ${root}: no client blockstore for root ${root}`);
    return this.index(found.carPath);
  }

  /** Read again when the file has changed. */
  async index(path: string): Promise<CarIndex> {
    const stats = await stat(path).catch(() => undefined);
    const stamp = `${stats?.mtimeMs}/${stats?.size}`;
    const known = this.#indexes.get(path);
    if (stats !== undefined && known?.stamp === stamp) return known.index;
    const index = await indexCar(path);
    this.#indexes.set(path, { stamp, index });
    return index;
  }

  dump() {
    return { imports: this.#imports, nextId: this.#nextId.toString() };
  }

  load(dump: ReturnType<Imports['dump']>): void {
    this.#imports = dump.imports;
    this.#nextId = BigInt(dump.nextId);
  }
}

/** A small file is one raw leaf; larger ones would be cut up, which the devnet leaves to real nodes. */
export async function wrapFile(path: string, carPath: string): Promise<void> {
  const bytes = await readFile(path).catch(() => {
    throw new RpcError(1, `failed to import file using unixfs: failed to open input file: open ${path}: no such file or directory`);
  });
  if (bytes.length > LEAF_BYTES_MAX) throw new RpcError(1, 'the development network imports files above 1 MiB only as CARs');
  await writeFile(carPath, singleBlockCar(blakeCid(bytes, RAW), bytes));
}
