/**
 * What the engine does with the files of local regions. Loaded in the engine's provider process through
 * `fullcode/local-provider`; see localResources.ts.
 */
import type * as pulumi from "@pulumi/pulumi";

import { InvalidDocumentError, parseDocument, SECRETS_FOLDER } from "../../spec";
import { sortedJson } from "../sortedJson";
import { isLocalFileCurrent, type LocalFile, readLocalFile, removeLocalFile, writeLocalFile } from "./localFiles";
import { findProjectFolder } from "./projectFolder";

/** A document that no gateway would read is refused before anything is written. */
export function check(_olds: LocalFile, news: LocalFile): Promise<pulumi.dynamic.CheckResult<LocalFile>> {
  const isDocument = !news.file.startsWith(`${SECRETS_FOLDER}/`) && typeof news.content === "object";
  const failures = (isDocument ? problemsWith(news) : []).map((reason) => ({ property: "content", reason }));
  return Promise.resolve({ inputs: news, failures });
}

/** A file that is missing or was edited counts as a change, as well as other content; another path is another file. */
export async function diff(_id: string, olds: LocalFile, news: LocalFile): Promise<pulumi.dynamic.DiffResult> {
  const replaces = (["folder", "file"] as const).filter((key) => olds[key] !== news[key]);
  if (replaces.length > 0) return { changes: true, replaces };
  const current = await isLocalFileCurrent(findProjectFolder(), news);
  return { changes: !current || sortedJson(olds.content) !== sortedJson(news.content) };
}

export async function create(inputs: LocalFile): Promise<pulumi.dynamic.CreateResult<LocalFile>> {
  await writeLocalFile(findProjectFolder(), inputs);
  return { id: `${inputs.folder}/${inputs.file}`, outs: properties(inputs) };
}

export async function update(
  _id: string,
  _olds: LocalFile,
  news: LocalFile,
): Promise<pulumi.dynamic.UpdateResult<LocalFile>> {
  await writeLocalFile(findProjectFolder(), news);
  return { outs: properties(news) };
}

/** A file that is gone is a resource that is gone: the next update writes it again. */
export async function read(id: string, props: LocalFile): Promise<pulumi.dynamic.ReadResult<LocalFile>> {
  const text = await readLocalFile(findProjectFolder(), props);
  if (text === undefined) return { id: "" };
  return { id, props: { ...properties(props), content: parseObject(text) } };
}

async function remove(_id: string, props: LocalFile): Promise<void> {
  await removeLocalFile(findProjectFolder(), props);
}
export { remove as delete };

function properties({ folder, file, content }: LocalFile): LocalFile {
  return { folder, file, content };
}

function problemsWith({ file, content }: LocalFile): readonly string[] {
  try {
    parseDocument(content, file);
    return [];
  } catch (error) {
    if (error instanceof InvalidDocumentError) return error.problems;
    throw error;
  }
}

/** What a file that somebody edited holds; what is not an object any more is shown as it is. */
function parseObject(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>;
  } catch {
    return { text };
  }
}
