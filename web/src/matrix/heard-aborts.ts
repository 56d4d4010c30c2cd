/**
 * The browser's databases for matrix-js-sdk, which waits for ever for a transaction that the browser ends by itself:
 * with a full disk there would be no first view, and later no more messages. It is told of an error, which it knows to
 * handle: it goes on in memory.
 */
export function hearingAborts(factory: IDBFactory): IDBFactory {
  return {
    open: (name, version) => {
      const asked = factory.open(name, version);
      asked.addEventListener("success", () => hear(asked.result));
      return asked;
    },
    deleteDatabase: (name) => factory.deleteDatabase(name),
    databases: () => factory.databases(),
    cmp: (a, b) => factory.cmp(a, b),
  };
}

function hear(db: IDBDatabase): void {
  const begin = db.transaction.bind(db);
  db.transaction = (...how) => {
    const begun = begin(...how);
    begun.addEventListener("abort", (event) => begun.onerror?.(event));
    return begun;
  };
}
