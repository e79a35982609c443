#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// tests/http/rows.mjs - rows of a wire contract that no test names.
//
//     SPEC=/path/authn-api.md node rows.mjs [authn|mfa] [--all] [--check]
//
// A row's id is its section and its number, counted from 1 through all tables
// of that section: "authn A.4-7".  A section without a table that is asked for
// (a transcript) is a row by itself: "authn E.1".  Who names a part of a
// section, "mfa B.1.4", names all rows of that part.
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

// What must be covered of each contract, as patterns of ids.
const contracts = {
    authn: [/^A\./, /^B\.1-/, /^C\./, /^D\./, /^E\.[1-9]$/, /^F\.4-/, /^G-/],
    mfa: [/^[AB]\.\d+-/, /^C-/, /^E\.\d+$/, /^F-/],
};

const id = '[A-G](?:\\.\\d+){0,2}(?:-\\d+(?:(?:,|\\.\\.)\\d+)*)?';
const names = (contract) =>
    new RegExp(`\\b${contract} (${id}(?:, (?:${contract} )?${id})*)`, 'g');

export function rowsOf(text)
{
    const rows = [];
    let section = null, part = null;
    let number = 0, inTable = false, fenced = false;
    for (const line of text.split('\n')) {
        if (line.startsWith('```'))
            fenced = !fenced;
        if (fenced)
            continue;
        const heading = /^#{1,2} ([A-G](?:\.\d+)?)\.? /.exec(line);
        if (heading) {
            part = section = heading[1];
            number = 0;
            if (/^E\.\d/.test(section))
                rows.push({ id: section, text: line.replace(/^#+ /, '') });
        }
        part = /^### ([A-G](?:\.\d+)+)/.exec(line)?.[1] ?? part;
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
            rows.push({ id: `${section}-${number}`, part,
                        text: line.slice(2, -2).slice(0, 90) });
        }
    }
    return rows;
}

// "A.4-7", "A.4-7,9", "A.4-7..9", "A.4-7, A.5-1" in any file of the tests.
export function namedIn(text, contract)
{
    const named = new Set();
    for (const [, list] of text.matchAll(names(contract)))
        for (const one of list.split(', ')) {
            const [section, rows] = one.replace(`${contract} `, '').split('-');
            if (!rows)
                named.add(section);
            for (const range of rows?.split(',') ?? []) {
                const [from, to] = range.split('..').map(Number);
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
// come later: "CONTRACT ID reason", one a line.
function exemptions(contract)
{
    const list = new Map();
    for (const line of readFileSync(join(here, 'rows.exempt'), 'utf8')
        .split('\n')) {
        const [, ids, reason] = /^(\S+ \S+)\s+(.+)$/.exec(line) ?? [];
        for (const one of namedIn(ids ?? '', contract))
            list.set(one, reason);
    }
    return list;
}

export function uncovered(specText, contract)
{
    const named = new Set();
    for (const file of testFiles(here))
        for (const one of namedIn(readFileSync(file, 'utf8'), contract))
            named.add(one);
    const exempt = exemptions(contract);
    const wanted = (name) => contracts[contract].some((one) => one.test(name));
    const rows = rowsOf(specText).filter((row) => wanted(row.id));
    const isIn = (list, row) => list.has(row.id) || list.has(row.part);
    const known = new Set(rows.flatMap((row) => [row.id, row.part]));
    return {
        rows,
        missing: rows.filter((row) => !isIn(named, row) &&
                                      !exempt.has(row.id)),
        exempt: rows.filter((row) => exempt.has(row.id))
            .map((row) => ({ ...row, reason: exempt.get(row.id) })),
        both: rows.filter((row) => exempt.has(row.id) && named.has(row.id)),
        unknown: [...named, ...exempt.keys()]
            .filter((name) => wanted(name) && !known.has(name)),
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
    const contract = process.argv.includes('mfa') ? 'mfa' : 'authn';
    const { rows, missing, exempt, both, unknown } = uncovered(text, contract);
    for (const row of all ? rows : missing)
        console.log(`${row.id.padEnd(8)} ${row.text}`);
    for (const row of exempt)
        console.log(`# no test: ${row.id.padEnd(8)} ${row.reason}`);
    for (const row of both)
        console.log(`# tested and exempt: ${row.id}`);
    for (const name of unknown)
        console.log(`# no such row: ${name}`);
    console.log(`# ${rows.length} rows, ${missing.length} without a test, ` +
                `${exempt.length} need none`);
    process.exit(process.argv.includes('--check') &&
                 (missing.length || unknown.length || both.length) ? 1 : 0);
}
