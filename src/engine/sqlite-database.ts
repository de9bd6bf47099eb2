import Database from 'better-sqlite3';
import { DependencyError } from '../errors.js';

export type IndexDatabase = Database.Database;

/** The native half of a connection, which every statement of it comes from. */
interface NativeConnection {
  prepare(...args: unknown[]): NativeStatement;
}

interface NativeStatement {
  iterate(...args: unknown[]): object;
}

const kept: object[] = [];

/**
 * Opens an SQLite file. The only place that makes a connection.
 *
 * Nothing that better-sqlite3 12 makes is ever given to the garbage collector: from Node 24.19 on, a connection,
 * statement or iterator that is collected while no JavaScript runs ends the process with `Assertion failed: (env) !=
 * nullptr` (version 13 mends it and needs Node 22). Closing a connection frees its memory in SQLite all the same; what
 * stays is some forty small objects for each connection.
 *
 * @throws SqliteError when the file cannot be opened; DependencyError ADDON_MISSING when SQLite itself cannot be loaded,
 *   as after a change of Node
 */
export function openDatabase(file: string, options: Database.Options): IndexDatabase {
  const db = connect(file, options);
  kept.push(db);
  for (const symbol of Object.getOwnPropertySymbols(db)) {
    const connection = (db as unknown as Record<symbol, unknown>)[symbol];
    if (isNativeConnection(connection)) keepStatements(connection);
  }
  return db;
}

/** SQLite is loaded with the first connection. */
function connect(file: string, options: Database.Options): Database.Database {
  try {
    return new Database(file, options);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'ERR_DLOPEN_FAILED' && !message.startsWith('Could not locate the bindings file'))
      throw cause;
    throw new DependencyError('ADDON_MISSING', `SQLite was not built for this Node (${process.version})`, {
      where: 'better-sqlite3',
      cure: 'run `npm rebuild better-sqlite3` in the project with the Node that runs pipeline; nothing in the cache was touched',
      cause,
    });
  }
}

function keepStatements(connection: NativeConnection): void {
  const prepare = connection.prepare.bind(connection);
  connection.prepare = (...args) => {
    const statement = prepare(...args);
    kept.push(statement);
    const iterate = statement.iterate.bind(statement);
    statement.iterate = (...values) => {
      const rows = iterate(...values);
      kept.push(rows);
      return rows;
    };
    return statement;
  };
}

function isNativeConnection(value: unknown): value is NativeConnection {
  return typeof (value as NativeConnection | null)?.prepare === 'function';
}
