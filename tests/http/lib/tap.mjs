// SPDX-License-Identifier: MIT
// tests/http/lib/tap.mjs - tests of one file, told as TAP.
//
//     test('H2: HEAD as GET', async () => { ... });
//     test('O3: ...', { todo: 'bug 7' }, async () => { ... });
//     await run();
//
// A test with `todo` is expected to fail: it is told as skipped, and as failed
// once it passes, so that nobody forgets to take the mark away.
import { AssertionError } from 'node:assert';

const tests = [];
const cleaners = [];
const checks = [];

export function test(name, options, body)
{
    if (typeof options === 'function')
        [options, body] = [{}, options];
    tests.push({ name, body, ...options });
}

// Called when the file's tests are over, the last first.
export function atEnd(clean)
{
    cleaners.push(clean);
}

// A test over everything that the others left: added behind them.
export function finalCheck(name, body)
{
    checks.push({ name, body });
}

// What a test calls when it cannot be run here.
export class Skip extends Error {}

export function skip(why)
{
    throw new Skip(why);
}

function withDeadline(promise, ms)
{
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(
            () => reject(new Error(`no end after ${ms / 1000} s`)), ms);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function diagnose(error)
{
    const text = error instanceof AssertionError || !error?.stack
        ? `${error?.message ?? error}\n${ownFrames(error)}`
        : `${error.stack}${error.cause ? `\ncause: ${error.cause}` : ''}`;
    return text.trimEnd().split('\n').slice(0, 40)
        .map((line) => `#   ${line}`).join('\n');
}

function ownFrames(error)
{
    return (error?.stack ?? '').split('\n')
        .filter((line) => /^\s+at .*tests\/http/.test(line)).slice(0, 4)
        .join('\n');
}

const one = (name) => name.replace(/[#\n]/g, ' ');

async function runOne({ name, body, todo, timeout = 60000 })
{
    const began = Date.now();
    try {
        await withDeadline(Promise.resolve().then(body), timeout);
    } catch (error) {
        if (error instanceof Skip)
            return { ok: true, name: `${one(name)} # SKIP ${one(error.message)}` };
        if (todo)
            return { ok: true, name: `${one(name)} # SKIP ${one(todo)} is open`,
                     more: diagnose(error) };
        return { ok: false, name: one(name), more: diagnose(error) };
    }
    if (todo)
        return { ok: false, name: `${one(name)} (passes: ${one(todo)} is done)` };
    const ms = Date.now() - began;
    return { ok: true, name: one(name),
             more: ms > 3000 ? `#   took ${ms} ms` : undefined };
}

let number = 0;
let failures = 0;

function tell({ ok, name, more })
{
    number += 1;
    failures += !ok;
    console.log(`${ok ? 'ok' : 'not ok'} ${number} - ${name}`);
    if (more)
        console.log(more);
}

async function runAll(list, concurrency)
{
    const left = [...list];
    const worker = async () => {
        while (left.length)
            tell(await runOne(left.shift()));
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
}

// The tests of the file: in order, or so many at a time.
export async function run({ concurrency = 1 } = {})
{
    const only = process.env.ONLY;
    const wanted = only ? tests.filter((t) => t.name.includes(only)) : tests;
    await runAll(wanted.filter((t) => !t.alone), concurrency);
    await runAll(wanted.filter((t) => t.alone), 1);
    for (const clean of cleaners.reverse()) {
        try {
            await clean();
        } catch (error) {
            tell({ ok: false, name: 'cleaning up', more: diagnose(error) });
        }
    }
    await runAll(checks, 1);
    console.log(`1..${number}`);
    process.exitCode = failures ? 1 : 0;
}
