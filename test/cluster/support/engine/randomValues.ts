import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import * as pulumi from "@pulumi/pulumi";

import type { Difference, Made, Properties, Registration, ResourceMaker, ResourceState } from "./resourceState";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** Values of @pulumi/random: made once, and again when an argument changes. */
export class RandomValues implements ResourceMaker {
  create({ type, inputs }: Registration): Promise<Made> {
    return Promise.resolve({ id: "none", outputs: { ...inputs, ...randomOutputs(type, inputs) } });
  }

  compare(old: ResourceState, { inputs }: Registration): Difference {
    return isDeepStrictEqual(old.inputs, inputs) ? "same" : "replace";
  }

  update(): Promise<Made> {
    throw new Error("a random value is never changed");
  }

  delete(): Promise<void> {
    return Promise.resolve();
  }

  read(): Promise<Made> {
    throw new Error("a random value is nowhere to be read");
  }
}

function randomOutputs(type: string, inputs: Properties): Properties {
  const length = Number(inputs.length ?? inputs.byteLength);
  const bytes = randomBytes(length);
  switch (type) {
    case "random:index/randomBytes:RandomBytes":
      return { base64: pulumi.secret(bytes.toString("base64")), hex: pulumi.secret(bytes.toString("hex")) };
    case "random:index/randomId:RandomId":
      return { hex: bytes.toString("hex"), b64Url: bytes.toString("base64url"), b64Std: bytes.toString("base64") };
    case "random:index/randomPassword:RandomPassword":
      return { result: pulumi.secret(randomText(length)) };
    case "random:index/randomString:RandomString":
      return { result: randomText(length) };
    default:
      throw new Error(`${type} is not known here`);
  }
}

function randomText(length: number): string {
  return [...randomBytes(length)].map((byte) => ALPHABET[byte % ALPHABET.length]).join("");
}
