import Database from 'better-sqlite3';

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
 * @throws SqliteError when the file cannot be opened
 */
export function openDatabase(file: string, options: Database.Options): IndexDatabase {
  const db = new Database(file, options);
  kept.push(db);
  for (const symbol of Object.getOwnPropertySymbols(db)) {
    const connection = (db as unknown as Record<symbol, unknown>)[symbol];
    if (isNativeConnection(connection)) keepStatements(connection);
  }
  return db;
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
