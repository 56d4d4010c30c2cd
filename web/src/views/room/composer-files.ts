/** Files that come by drop or paste. */

/** Office programs put a picture of the text beside the text: then the text is meant. */
export function pastedFiles(data: DataTransfer | null): File[] {
  return data && !data.types.includes("text/rtf") ? [...data.files] : [];
}

/** Take what is dropped anywhere on `place`; while it hovers there, `data-drop` says so. Returns the end of it. */
export function followFiles(place: HTMLElement, onFiles: (files: readonly File[]) => void): () => void {
  const over = (event: DragEvent) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.stopPropagation(); // of the places within one another only the innermost takes it
    event.dataTransfer.dropEffect = "copy";
    place.dataset.drop = "";
  };
  const leave = (event: DragEvent) => {
    if (!place.contains(event.relatedTarget as Node | null)) delete place.dataset.drop;
  };
  const drop = (event: DragEvent) => {
    delete place.dataset.drop;
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    event.stopPropagation();
    onFiles([...event.dataTransfer.files]);
  };
  place.addEventListener("dragover", over);
  place.addEventListener("dragleave", leave);
  place.addEventListener("drop", drop);
  return () => {
    delete place.dataset.drop;
    place.removeEventListener("dragover", over);
    place.removeEventListener("dragleave", leave);
    place.removeEventListener("drop", drop);
  };
}
