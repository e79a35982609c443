// SPDX-License-Identifier: MIT
// tests/http/browser/lib/chrome.mjs - Chromium, and people who use it.
//
//     await visit({ languages: 'de' }, async (visitor) => {
//         const tab = await visitor.tab(daemon.base + '/demo/');
//         await tab.press('Sign in (redirect)');
//         await tab.see('Sign in');
//     });
//
// A visitor begins with nothing: no cookies, no cache, no storage. At the end
// of a visit none of the tabs may have said anything on the console, nor have
// had an answer of 400 or more that the test did not name: tab.refused().
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';

import puppeteer from 'puppeteer-core';

import { newFolder, sleep, until } from '../../lib/daemon.mjs';
import { atEnd, skip } from '../../lib/tap.mjs';

const executable = process.env.CHROMIUM || '/usr/bin/chromium';
// PATIENCE, in ms: less of it while a test is written.
export const patience = Number(process.env.PATIENCE ?? 30000);

let browser = null;

// Started once for a file. Over a pipe: no port of its own.
async function theBrowser()
{
    if (!existsSync(executable))
        skip(`no Chromium: ${executable} is not there`);
    browser ??= puppeteer.launch({
        executablePath: executable, userDataDir: newFolder(), pipe: true,
        headless: true, protocolTimeout: 60000,
        args: ['--headless=new', '--no-sandbox', '--disable-gpu',
               '--disable-quic', '--no-first-run',
               '--disable-background-networking', '--disable-component-update',
               '--disable-sync', '--disable-dev-shm-usage',
               '--force-prefers-reduced-motion'],
    });
    return browser;
}

atEnd(async () => {
    await (await browser)?.close();
});

const quoted = (text) => `"${text.replace(/["\\]/g, '\\$&')}"`;
const named = (role, name) =>
    `::-p-aria([name=${quoted(name)}][role="${role}"])`;

export class Tab {
    constructor(visitor, page)
    {
        this.visitor = visitor;
        this.page = page;
        this.troubles = [];
        this.expected = null; // a pattern of what is none
        this.replies = []; // of 400 or more: "POST checkOtp 400"
        this.requests = [];
        this.logs = [];
    }

    async prepare({ languages = 'en-GB', width = 1000, height = 900, scheme,
                    hides = false, touch = false, wanted } = {})
    {
        const { page } = this;
        page.setDefaultTimeout(patience);
        page.on('console', (message) => this.heard(message));
        page.on('pageerror', (error) => this.troubles.push(`${error}`));
        page.on('error', (error) => this.troubles.push(`crash: ${error}`));
        page.on('response', (response) => this.took(response));
        page.on('request', (request) => this.requests.push(request));
        await page.setViewport({ width, height, hasTouch: touch,
                                 isMobile: touch });
        if (scheme)
            await this.scheme(scheme);
        const session = await page.createCDPSession();
        // Else visits beside each other would take the focus from each other;
        // but a tab behind another is not hidden then.
        await session.send('Emulation.setFocusEmulationEnabled',
                           { enabled: !hides });
        await session.send('Emulation.setUserAgentOverride', {
            userAgent: await page.evaluate(() => navigator.userAgent),
            acceptLanguage: languages });
        if (wanted)
            await page.evaluateOnNewDocument((value) => {
                window.wanted = value;
            }, wanted);
        return this;
    }

    // A refusal is told on the console too: see replies.
    heard(message)
    {
        const text = message.text();
        this.logs.push(text);
        const told = ['error', 'warn'].includes(message.type()) &&
            !/^Failed to load resource: the server responded/.test(text);
        if (told)
            this.troubles.push(`${message.type()}: ${text}`);
    }

    took(response)
    {
        if (response.status() < 400)
            return;
        const request = response.request();
        const type = request.headers()['content-type'] ?? '';
        const url = new URL(response.url());
        const what = /pingidentity\.(\w+)\+json/.exec(type)?.[1] ??
            url.searchParams.get('action') ?? url.pathname;
        this.replies.push(`${request.method()} ${what} ${response.status()}`);
    }

    // The answers of 400 and more so far; those that come are new ones.
    refused(...expected)
    {
        const seen = this.replies.splice(0).map((text) =>
            text.replace(/^(GET \/pf-ws\/authn\/flows\/)\w+/, '$1ID'));
        assert.deepEqual(seen, expected);
    }

    // --- Where to go.

    async open(url)
    {
        await this.page.goto(url, { waitUntil: 'load' });
        return this;
    }

    async reload()
    {
        await this.page.reload({ waitUntil: 'load' });
    }

    async back()
    {
        await this.page.goBack({ waitUntil: 'load' });
    }

    async front()
    {
        await this.page.bringToFront();
    }

    get url()
    {
        return new URL(this.page.url());
    }

    async at(what, holds)
    {
        await until(`the address to be ${what}`, () => holds(this.url),
                    patience).catch((error) => {
            throw new Error(`${error.message}; it is ${this.url}`);
        });
        return this.url;
    }

    // --- What a user sees and does, by the names that are read out.

    text()
    {
        return this.page.evaluate(() => document.body.innerText)
            .catch(() => ''); // between two documents
    }

    async see(...texts)
    {
        for (const text of texts)
            await until(`"${text}"`, async () =>
                (await this.text()).includes(text), patience)
                .catch(async (error) => {
                    throw new Error(`${error.message}; the page says:\n` +
                                    await this.text());
                });
    }

    async seeNot(...texts)
    {
        for (const text of texts)
            await until(`"${text}" to go`, async () =>
                !(await this.text()).includes(text), patience);
    }

    // The heading of a step, which has the focus.
    async step(title)
    {
        const stands = (wanted) => document.querySelector('[tabindex="-1"]')
            ?.textContent.replaceAll('\u2011', '-') === wanted;
        await until(`the step "${title}"`, () =>
            this.page.evaluate(stands, title).catch(() => false), patience)
            .catch(async (error) => {
            throw new Error(`${error.message}; the page says:\n` +
                            await this.text());
        });
    }

    find(role, name)
    {
        return this.page.waitForSelector(named(role, name), { visible: true });
    }

    // While a call is under way buttons do nothing, and look so: people wait.
    async press(name, role = 'button')
    {
        await this.click(named(role, name));
    }

    click(selector)
    {
        return this.page.locator(selector)
            .filter((node) => !node.closest('[aria-disabled=true]')).click();
    }

    // With a finger.
    async tap(name, role = 'button')
    {
        await this.tapOn(named(role, name));
    }

    async tapOn(selector)
    {
        const node = await this.page.waitForSelector(selector,
                                                     { visible: true });
        await until(`${selector} to take a press`, () => node.evaluate((one) =>
            !one.closest('[aria-disabled=true]')), patience);
        await node.tap();
    }

    follow(name)
    {
        return this.press(name, 'link');
    }

    // A tile by what stands on it.
    async tile(text)
    {
        await this.click(`.tile ::-p-text(${text})`);
    }

    // Typed after what is there, as keys do.
    async fill(name, text)
    {
        const field = await this.find('textbox', name);
        await field.type(text);
        return field;
    }

    async value(name)
    {
        const field = await this.find('textbox', name);
        return field.evaluate((node) => node.value);
    }

    async keys(...names)
    {
        for (const name of names)
            await this.page.keyboard.press(name);
    }

    async type(text)
    {
        await this.page.keyboard.type(text);
    }

    // What has the focus: { role, name }.
    focus()
    {
        return this.page.evaluate(() => {
            const node = document.activeElement;
            const label = node.labels?.[0]?.textContent ??
                node.getAttribute('aria-label') ?? node.innerText ?? '';
            return `${node.localName} ${label.split('\n')[0]}`.trim();
        });
    }

    // Tab until the focus stands on it, as people do who have no mouse.
    async tabTo(wanted, most = 25)
    {
        for (let i = 0; i < most; i++) {
            if ((await this.focus()) === wanted)
                return;
            await this.keys('Tab');
        }
        throw new Error(`no way by Tab to "${wanted}"; the focus is on ` +
                        `"${await this.focus()}"`);
    }

    async scheme(scheme)
    {
        await this.page.emulateMediaFeatures([
            { name: 'prefers-color-scheme', value: scheme },
            { name: 'prefers-reduced-motion', value: 'reduce' }]);
    }

    // A page that is opened by what act() does.
    async opened(act)
    {
        const [target] = await Promise.all([
            this.visitor.context.waitForTarget((one) =>
                one.type() === 'page' && !this.visitor.knows(one),
                                               { timeout: patience }),
            act()]);
        return this.visitor.adopt(await target.page());
    }

    // An action that was pressed was answered: until then others are dropped.
    answered(action)
    {
        return until(`the answer to ${action}`, async () =>
            this.posts(action).length > 0 && !(await this.page.$('.waiting')),
                     patience);
    }

    // Requests of one kind: posts('selectDevice').
    posts(action)
    {
        return this.requests.filter((request) =>
            request.method() === 'POST' &&
            (request.headers()['content-type']?.includes(`.${action}+json`) ||
             request.url().includes(`action=${action}`)));
    }
}

class Visitor {
    constructor(context, options)
    {
        this.context = context;
        this.options = options;
        this.tabs = [];
    }

    knows(target)
    {
        return this.tabs.some((tab) => tab.page.target() === target);
    }

    async adopt(page, options = {})
    {
        const tab = new Tab(this, page);
        this.tabs.push(tab);
        return tab.prepare({ ...this.options, ...options });
    }

    async tab(url, options)
    {
        const tab = await this.adopt(await this.context.newPage(), options);
        return url ? tab.open(url) : tab;
    }

    cookies()
    {
        return this.context.cookies();
    }

    // Nothing was said that no test expected.
    check()
    {
        for (const tab of this.tabs) {
            if (tab.troubles.some((text) => !tab.expected?.test(text)))
                throw new Error(`trouble on ${tab.page.url()}`);
            tab.refused();
        }
    }
}

export async function visit(options, body)
{
    const context = await (await theBrowser()).createBrowserContext();
    const visitor = new Visitor(context, options);
    try {
        await body(visitor);
        await sleep(50); // what the console has still to tell
        visitor.check();
    } catch (error) {
        for (const tab of visitor.tabs)
            if (tab.troubles.length)
                error.message += `\nconsole: ${tab.troubles.join('\n')}`;
        throw error;
    } finally {
        await context.close();
    }
}
