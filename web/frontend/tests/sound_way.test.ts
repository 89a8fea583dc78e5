import { expect, test } from "vitest";

import { soundWay } from "../player/sound_way";

test("AAC comes with the picture, everything else by a socket of its own", () => {
  expect(soundWay({ audio_codec: "aac" })).toBe("picture");
  expect(soundWay({ audio_codec: "g711a" })).toBe("socket");
  expect(soundWay({ audio_codec: null })).toBe("socket");
  expect(soundWay({})).toBe("socket");
});
