#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// tests/http/rows.mjs - rows of the wire contract that no test names.
//
//     SPEC=/path/authn-api.md node rows.mjs [--all] [--check]
//
// A row's id is its section and its number, counted from 1 through all tables
// of that section: "authn A.4-7".  A section without a table that is asked for
// (a transcript) is a row by itself: "authn E.1".
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

// What must be covered, as patterns of ids.
const wanted = [/^A\./, /^B\.1-/, /^C\./, /^D\./, /^E\.[1-9]$/, /^F\.4-/,
                /^G-/];

const pattern = /\bauthn ([A-G](?:\.\d+)?)(?:-(\d+(?:(?:, ?|\.\.)\d+)*))?/g;

export function rowsOf(text)
{
    const rows = [];
    let section = null, number = 0, inTable = false, fenced = false;
    for (const line of text.split('\n')) {
        if (line.startsWith('```'))
            fenced = !fenced;
        if (fenced)
            continue;
        const heading = /^#{1,2} ([A-G](?:\.\d+)?)\.? /.exec(line);
        if (heading) {
            section = heading[1];
            number = 0;
            if (/^E\.\d/.test(section))
                rows.push({ id: section, text: line.replace(/^#+ /, '') });
        }
        if (!line.startsWith('|')) {
            inTable = false;
            continue;
        }
        if (!inTable) {
            inTable = 'head';
        } else if (inTable === 'head') {
            inTable = true; // |---|
        } else if (section) {
            number += 1;
            rows.push({ id: `${section}-${number}`,
                        text: line.slice(2, -2).slice(0, 90) });
        }
    }
    return rows;
}

// "A.4-7", "A.4-7,9", "A.4-7..9" in any file of the tests.
export function namedIn(text)
{
    const named = new Set();
    for (const [, section, list] of text.matchAll(pattern)) {
        if (!list) {
            named.add(section);
            continue;
        }
        for (const part of list.split(',')) {
            const [from, to] = part.trim().split('..').map(Number);
            for (let row = from; row <= (to ?? from); row++)
                named.add(`${section}-${row}`);
        }
    }
    return named;
}

function* testFiles(folder)
{
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
        if (entry.name === 'node_modules')
            continue;
        if (entry.isDirectory())
            yield* testFiles(join(folder, entry.name));
        else if (entry.name.endsWith('.test.mjs'))
            yield join(folder, entry.name);
    }
}

// Rows with nothing in them that a server could do or leave, and those that
// come later: "ID reason", one a line.
function exemptions()
{
    const list = new Map();
    for (const line of readFileSync(join(here, 'rows.exempt'), 'utf8')
        .split('\n')) {
        const found = /^authn (\S+)\s+(.+)$/.exec(line);
        if (found)
            for (const id of namedIn(`authn ${found[1]}`))
                list.set(id, found[2]);
    }
    return list;
}

export function uncovered(specText)
{
    const named = new Set();
    for (const file of testFiles(here))
        for (const id of namedIn(readFileSync(file, 'utf8')))
            named.add(id);
    const exempt = exemptions();
    const rows = rowsOf(specText)
        .filter((row) => wanted.some((one) => one.test(row.id)));
    return {
        rows,
        missing: rows.filter((row) => !named.has(row.id) &&
                                      !exempt.has(row.id)),
        exempt: rows.filter((row) => exempt.has(row.id))
            .map((row) => ({ ...row, reason: exempt.get(row.id) })),
        both: rows.filter((row) => exempt.has(row.id) && named.has(row.id)),
        unknown: [...named, ...exempt.keys()]
            .filter((id) => wanted.some((one) => one.test(id)) &&
                            !rows.some((row) => row.id === id)),
    };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    if (!process.env.SPEC) {
        console.log('# SPEC names no wire contract: rows are not checked');
        process.exit(0);
    }
    let text;
    try {
        text = readFileSync(process.env.SPEC, 'utf8');
    } catch {
        console.log(`# ${process.env.SPEC} is not there: rows are not checked`);
        process.exit(0);
    }
    const all = process.argv.includes('--all');
    const { rows, missing, exempt, both, unknown } = uncovered(text);
    for (const row of all ? rows : missing)
        console.log(`${row.id.padEnd(8)} ${row.text}`);
    for (const row of exempt)
        console.log(`# no test: ${row.id.padEnd(8)} ${row.reason}`);
    for (const row of both)
        console.log(`# tested and exempt: ${row.id}`);
    for (const id of unknown)
        console.log(`# no such row: ${id}`);
    console.log(`# ${rows.length} rows, ${missing.length} without a test, ` +
                `${exempt.length} need none`);
    process.exit(process.argv.includes('--check') &&
                 (missing.length || unknown.length || both.length) ? 1 : 0);
}
