/**
 * The engine's WebAssembly, fetched into the browser's cache before the SDK asks for it: the SDK tries once only, and
 * what has failed once would fail until the page is loaded again.
 */

const ENGINE = new URL("../../node_modules/@matrix-org/matrix-sdk-crypto-wasm/pkg/matrix_sdk_crypto_wasm_bg.wasm", import.meta.url);

/** Throws while the server cannot be reached. */
export async function fetchEngine(): Promise<void> {
  const answer = await fetch(ENGINE);
  if (!answer.ok || !answer.body) throw new Error(`the engine of encryption: ${answer.status}`);
  await answer.body.pipeTo(new WritableStream());
}
