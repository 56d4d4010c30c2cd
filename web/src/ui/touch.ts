/** Whether fingers and a keyboard on the screen are all there is: then nothing calls that keyboard up unasked. */

export const touch = matchMedia("(pointer: coarse) and (hover: none)");
