/** Media of the server: uploaded with progress, downloaded with the session's token, shown as object URLs. */

export interface Upload {
  file: File;
  sent: number; // bytes
  failed?: string; // why; `retry` starts it again
  retry(): void;
  cancel(): void;
}
