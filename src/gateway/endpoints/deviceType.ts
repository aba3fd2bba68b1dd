/*
 * The rules are those of uap-core (https://github.com/ua-parser/uap-core) as far as a device's type follows from them, by
 * the words that its expressions look for. Finding out the model takes it hundreds of expressions and up to milliseconds,
 * and whoever sends a request chooses for what. Each expression here is a list of words, which takes as long as the text.
 */

/** Most crawlers say that they are one. The phones of a brand named Cubot do not mean it. */
const BOT = /(?<!\bcu)bots?(?![a-z])|crawl|spider|scrap(?:er|y)|indexer|archiver|favicon|preview|externalhit|\bPTST\//i;
/** Frequent ones that do not. Browsers within apps may have such a name too, but further behind. */
const NAMED_BOT = new RegExp(
  [
    "slurp|teoma|yahoo|yeti|daum|lycos|nutch|heritrix|findlinks|ichiro|larbin|qwantify|bubing",
    "pingdom|statuscake|wordpress|whatsapp|appengine-google|python-urllib|google-http-java-client|^java/",
  ].join("|"),
  "i",
);
const NAME_CHARACTERS = 100;
const TABLET = /\b(?:iPad|Tablet|Kindle|PlayBook|Silk)\b/i;
const PHONE = /\b(?:iPhone|iPod|iOS|Windows Phone)\b/;
/** Android's browsers call a phone mobile, and nothing else. */
const ANDROID = /\bAndroid\b/;
const MOBILE = /\bMobile\b/;
/** What apps of Apple's systems send; those of Macs used to name the processor. */
const APPLE_APP = /\bCFNetwork\b/;
const MAC_PROCESSOR = /\bx86_64\b/;
const TELEVISION = /\b(?:Tizen|Web0S|WebTV|GoogleTV|Smart-?TV|HbbTV|CrKey)\b/i;
const DESKTOP = /\b(?:Windows|Macintosh|Mac OS X|Linux|CrOS|Ubuntu|Fedora|Debian|FreeBSD|OpenBSD)\b/;

/** What a User-Agent says of its device; `"unknown"` for programs such as curl. */
export function deviceTypeOf(userAgent: string): string {
  if (BOT.test(userAgent) || NAMED_BOT.test(userAgent.slice(0, NAME_CHARACTERS))) return "bot";
  if (TABLET.test(userAgent)) return "tablet";
  if (PHONE.test(userAgent)) return "mobile";
  if (ANDROID.test(userAgent)) return MOBILE.test(userAgent) ? "mobile" : "tablet";
  if (APPLE_APP.test(userAgent)) return MAC_PROCESSOR.test(userAgent) ? "desktop" : "mobile";
  if (TELEVISION.test(userAgent)) return "unknown";
  return DESKTOP.test(userAgent) ? "desktop" : "unknown";
}
