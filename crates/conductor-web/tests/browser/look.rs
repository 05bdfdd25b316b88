//! Looking at a page as people do: what there is to find fault with, and a picture.

use std::fmt;

/// A screen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// In pixels of a page.
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Screen {
    pub(crate) const PHONE: Self = Self { width: 360, height: 740 };
    pub(crate) const WIDE: Self = Self { width: 1600, height: 1000 };
}

/// What people prefer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Theme {
    Light,
    Dark,
}

impl fmt::Display for Theme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Light => "light",
            Self::Dark => "dark",
        })
    }
}

/// What was seen.
#[derive(Debug)]
pub(crate) struct Look {
    /// Each in a sentence.
    pub(crate) problems: Vec<String>,
    /// The whole page, as PNG.
    pub(crate) picture: Vec<u8>,
}

/// Answers with what is wrong with a page. Contrast and sizes are those of the Web Content Accessibility Guidelines 2.2, level AA:
/// 4.5 to 1 for text, 3 to 1 where it is large.
pub(crate) const PROBLEMS: &str = r"
const problems = [];
const seen = (element) => {
  const place = element.getBoundingClientRect();
  return place.width > 1 && place.height > 1 && getComputedStyle(element).visibility === 'visible';
};
const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
const colour = (text) => {
  paint.clearRect(0, 0, 1, 1);
  paint.fillStyle = text;
  paint.fillRect(0, 0, 1, 1);
  const [red, green, blue, opacity] = paint.getImageData(0, 0, 1, 1).data;
  return [red, green, blue, opacity / 255];
};
const over = (top, below) => [0, 1, 2].map((part) => top[part] * top[3] + below[part] * (1 - top[3]));
const ground = (element) => {
  if (!element) return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
  const own = colour(getComputedStyle(element).backgroundColor);
  return own[3] === 1 ? own : over(own, ground(element.parentElement));
};
const luminance = (rgb) => {
  const [red, green, blue] = rgb.map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const width = document.documentElement.scrollWidth;
if (width > innerWidth) problems.push(`the page of ${width} pixels is wider than the screen of ${innerWidth}`);
for (const element of document.body.querySelectorAll('*')) {
  const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join(' ').trim();
  if (!text || !seen(element) || element.closest('svg, script, style, .unseen')) continue;
  const style = getComputedStyle(element);
  const size = parseFloat(style.fontSize);
  const below = ground(element);
  const lights = [luminance(over(colour(style.color), below)), luminance(below)].sort((a, b) => b - a);
  const contrast = (lights[0] + 0.05) / (lights[1] + 0.05);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  if (contrast < (large ? 3 : 4.5)) problems.push(`'${text.slice(0, 40)}' has a contrast of ${contrast.toFixed(1)}`);
  if (size < 11) problems.push(`'${text.slice(0, 40)}' is written in ${style.fontSize}`);
}
let last = 0;
for (const heading of document.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
  const level = Number(heading.tagName[1]);
  if (level > last + 1) problems.push(`h${level} follows h${last}: ${heading.textContent}`);
  last = level;
}
for (const table of document.querySelectorAll('table')) if (!table.caption) problems.push('a table has no caption');
for (const drawing of document.querySelectorAll('svg[role=img]'))
  if (!drawing.querySelector('title')) problems.push('a drawing has no title');
if (!document.documentElement.lang) problems.push('the page has no language');
if (!document.title) problems.push('the page has no title');
return problems;
";
