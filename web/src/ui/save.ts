/** Put a file on the person's device, under a name that says no folder. */

export function save(url: string, name: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = name.replace(/[/\\\u0000-\u001f\u202a-\u202e\u2066-\u2069]/g, "_") || "file";
  link.click();
}
