/**
 * Pictures, video, voice, sound and files in a message. What cannot be had says why and can be tried again; a picture
 * that is none is shown as the file it is.
 */

import { useMemo } from "preact/hooks";
import type { IContent, MatrixEvent } from "matrix-js-sdk";

import { fileBody } from "../../../matrix/media-content";
import { FileRow } from "./file-row";
import { Picture } from "./picture";
import { Sound } from "./sound";
import { TextBody } from "./text";
import { Video } from "./video";
import "./media.css";

export function MediaBody({ event }: { event: MatrixEvent }) {
  const content = event.getContent();
  const body = useMemo(() => fileBody(content, event.getType() === "m.sticker"), [content]);
  return (
    <div class="media">
      {shown()}
      {body.caption && <div class="caption"><TextBody roomId={event.getRoomId() ?? ""} content={captionOf(content, body.caption)} /></div>}
    </div>
  );

  function shown() {
    if (!body.whole) return <FileRow body={body} />;
    switch (body.kind) {
      case "image":
        return <Picture body={body} event={event} />;
      case "video":
        return <Video body={body} />;
      case "voice":
      case "audio":
        return <Sound body={body} />;
      case "file":
        return <FileRow body={body} />;
    }
  }
}

/** What is said of the file, as the text that it is. */
function captionOf({ format, formatted_body }: IContent, body: string): IContent {
  return { body, format, formatted_body };
}
