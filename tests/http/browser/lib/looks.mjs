// SPDX-License-Identifier: MIT
// tests/http/browser/lib/looks.mjs - a state of a page, seen small and large,
// light and dark: nothing for axe-core (WCAG A and AA) to find, nothing wider
// than the screen, no broken words, a screenshot of each in BUILD/screenshots.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { build } from '../../lib/daemon.mjs';

const require = createRequire(import.meta.url);
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const folder = join(build, 'screenshots');
mkdirSync(folder, { recursive: true });

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

// axe looks at these two: every width, every scheme.
const sights = [
    { width: 360, height: 740, scheme: 'light', axe: true },
    { width: 360, height: 740, scheme: 'dark' },
    { width: 1280, height: 860, scheme: 'light' },
    { width: 1280, height: 860, scheme: 'dark', axe: true },
];

async function found(tab)
{
    await tab.page.evaluate(axe); // not subject to the page's policy
    const { violations } = await tab.page.evaluate(
        (values) => window.axe.run(document, {
            runOnly: { type: 'tag', values }, resultTypes: ['violations'] }),
        tags);
    return violations.map(({ id, help, nodes }) =>
        `${id}: ${help}\n` + nodes.map(({ html, failureSummary }) =>
            `  ${html}\n  ${failureSummary}`).join('\n'));
}

// A small screen is touched: 44 px (WCAG 2.5.5).  Else 24 (2.5.8).
const target = (width) => width < 600 ? 44 : 24;

// Whether all that can be pressed is large enough, and nothing too wide (WCAG
// 1.4.10).  Links within a text are as high as its lines.
function measured(tab, least)
{
    return tab.page.evaluate((px) => {
        const found = [];
        const { scrollWidth, clientWidth } = document.documentElement;
        if (scrollWidth > clientWidth)
            found.push(`${scrollWidth} px wide on ${clientWidth}`);
        for (const node of document.querySelectorAll(
            'button, input, summary, a')) {
            if (!node.checkVisibility() ||
                getComputedStyle(node).display === 'inline')
                continue;
            const { width, height } =
                (node.closest('.check') ?? node).getBoundingClientRect();
            if (width < px || height < px)
                found.push(`${node.outerHTML} is ${width} by ${height} px`);
        }
        return found;
    }, least);
}

// Words that are on two lines, for want of room.
function brokenWords(tab)
{
    return tab.page.evaluate(() => {
        const range = document.createRange();
        const broken = (text, { index, 0: word }) => {
            range.setStart(text, index);
            range.setEnd(text, index + word.length);
            return range.getClientRects().length > 1;
        };
        return [...document.querySelectorAll('.button, summary, h1, h2')]
            .flatMap((node) => [...node.childNodes])
            .filter((node) => node.nodeType === Node.TEXT_NODE)
            .flatMap((text) => [...text.data.matchAll(/[\p{L}\d]+/gu)]
                .filter((found) => broken(text, found)))
            .map(([word]) => `"${word}" is broken`);
    });
}

function mustBeNone(list, where)
{
    if (list.length)
        throw new Error(`${where}: ${list.join('\n')}`);
}

// As the tab is now.
export async function mustFit(tab)
{
    mustBeNone(await measured(tab, target(tab.page.viewport().width)),
               `${await tab.page.title()}, ${tab.url.pathname}`);
}

// brief: only the two that axe looks at.
export async function look(tab, name, { brief = false } = {})
{
    await tab.front(); // a hidden tab is not drawn
    for (const { width, height, scheme, axe: deep } of sights) {
        if (brief && !deep)
            continue;
        const where = `${name}-${width}-${scheme}`;
        await tab.page.setViewport({ width, height });
        await tab.scheme(scheme);
        // Chromium moves what it takes from beyond the window to the side
        // where the text goes from right to left: the window grows instead.
        await tab.page.screenshot({ path: join(folder, `${where}.png`),
                                    fullPage: true,
                                    captureBeyondViewport: false });
        mustBeNone(await measured(tab, target(width)), where);
        mustBeNone(await brokenWords(tab), where);
        if (deep)
            mustBeNone(await found(tab), where);
    }
    await tab.page.setViewport({ width: 1000, height: 900 });
}
