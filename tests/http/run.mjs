#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// tests/http/run.mjs - every *.test.mjs of this folder and those below it, a
// process each, some at a time; one TAP stream.
//
//     FACTOR_BUILDDIR=build-check/http node run.mjs [FILE-PART]...
//     node run.mjs --build build-check/http otp
//
// The build must be configured with --enable-test-clock.  JOBS says how many
// files run at a time; ONLY=text runs the tests whose name holds the text.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { uncovered } from './rows.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const args = process.argv.slice(2);
const at = args.indexOf('--build');
if (at >= 0)
    process.env.FACTOR_BUILDDIR = args.splice(at, 2)[1];
process.env.FACTOR_SRCDIR ??= resolve(here, '../..');
process.env.FACTOR_BUILDDIR = resolve(
    process.env.FACTOR_BUILDDIR ??
    join(process.env.FACTOR_SRCDIR, 'build-check/http'));

const FILE_DEADLINE_MS = 600000;

function* testFiles(folder)
{
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
        if (entry.isDirectory() && entry.name !== 'node_modules')
            yield* testFiles(join(folder, entry.name));
        else if (entry.name.endsWith('.test.mjs'))
            yield join(folder, entry.name);
    }
}

// Those that take long begin first.  (Its second line may say "// slow".)
function inOrder(files)
{
    const slow = (file) =>
        /^\/\/ slow/m.test(readFileSync(file, 'utf8').slice(0, 300)) ? 0 : 1;
    return files.sort((a, b) => slow(a) - slow(b) || a.localeCompare(b));
}

const children = new Set();
let stopped = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => {
        stopped = true;
        for (const child of children)
            child.kill('SIGTERM');
        process.exitCode = 1;
    });

function runFile(file)
{
    return new Promise((done) => {
        const child = spawn(process.execPath, [file],
                            { stdio: ['ignore', 'pipe', 'pipe'], cwd: here });
        let out = '', errors = '';
        const timer = setTimeout(() => child.kill('SIGTERM'),
                                 FILE_DEADLINE_MS);
        children.add(child);
        child.stdout.on('data', (data) => { out += data; });
        child.stderr.on('data', (data) => { errors += data; });
        child.on('close', (status, signal) => {
            clearTimeout(timer);
            children.delete(child);
            done({ out, errors, status, signal });
        });
    });
}

let number = 0, passed = 0, failed = 0, skipped = 0;

function tell(ok, text)
{
    number += 1;
    console.log(`${ok ? 'ok' : 'not ok'} ${number} - ${text}`);
    if (!ok)
        failed += 1;
    else if (/ # SKIP/i.test(text))
        skipped += 1;
    else
        passed += 1;
}

function report(file, { out, errors, status, signal }, seconds)
{
    const name = relative(here, file).replace(/\.test\.mjs$/, '');
    let planned = null, seen = 0, broken = 0;
    for (const line of out.trimEnd().split('\n')) {
        const result = /^(not )?ok \d+ *-? *(.*)$/.exec(line);
        const plan = /^1\.\.(\d+)/.exec(line);
        if (result) {
            seen += 1;
            broken += !!result[1];
            tell(!result[1], `${name}: ${result[2]}`);
        } else if (plan) {
            planned = Number(plan[1]);
        } else if (line) {
            console.log(line.startsWith('#') ? line : `# ${line}`);
        }
    }
    for (const line of errors.trimEnd().split('\n'))
        if (line)
            console.log(`# ${name}: ${line}`);
    if (planned !== seen || (status !== 0 && !broken))
        tell(false, `${name}: ended with ${status ?? signal}, planned ` +
                    `${planned ?? 'nothing'}, ran ${seen}`);
    console.log(`# ${name}: ${seconds.toFixed(1)} s`);
}

async function main()
{
    console.log('TAP version 13');
    if (!existsSync(join(process.env.FACTOR_BUILDDIR, 'factord'))) {
        console.log(`Bail out! no factord in ${process.env.FACTOR_BUILDDIR}`);
        process.exitCode = 1;
        return;
    }
    const files = inOrder([...testFiles(here)]).filter(
        (file) => !args.length ||
                  args.some((part) => relative(here, file).includes(part)));
    // They wait for the disk and for browsers more than they compute.
    const jobs = Number(process.env.JOBS) ||
                 Math.max(2, Math.min(8, 2 * cpus().length));
    const worker = async () => {
        while (files.length && !stopped) {
            const file = files.shift(), began = Date.now();
            const result = await runFile(file);
            report(file, result, (Date.now() - began) / 1000);
        }
    };
    await Promise.all(Array.from({ length: jobs }, worker));
    if (stopped)
        tell(false, 'stopped by a signal');
    const spec = process.env.SPEC;
    if (!args.length && spec && existsSync(spec)) {
        const { missing } = uncovered(readFileSync(spec, 'utf8'));
        for (const row of missing)
            console.log(`#   ${row.id} ${row.text}`);
        tell(missing.length === 0, 'every row of the wire contract is named');
    }
    console.log(`1..${number}`);
    console.log(skipped
        ? `${passed} passed, ${failed} failed, ${skipped} skipped`
        : `${passed} passed, ${failed} failed`);
    if (failed || number === 0)
        process.exitCode = 1;
}

await main();
