/** A person, or everybody, named in what is being written. */

export const ROOM = "@room";

export interface Mention {
  userId: string; // or ROOM
  name: string; // stands in the text as `@name`
}
