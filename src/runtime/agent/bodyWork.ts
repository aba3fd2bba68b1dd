import { type InstanceConfig } from "../../link/instanceConfig";
import { type InvokeHead } from "../../link/messages";
import { type AppParams } from "../instanceConfig";
import { RequestBuilder } from "../request/request";
import { type Answer, answerOf } from "./answer";
import { eventJson } from "./event";

/** What the events of an instance have in common. */
export interface EventSource {
  readonly config: InstanceConfig;
  readonly params: AppParams;
}

/**
 * What an agent does with whole bodies. It takes milliseconds a megabyte, which a process may have better things to do
 * with; so the results may come later.
 */
export interface BodyWork {
  /**
   * Makes the JSON of an event.
   *
   * @param onRefused - Gets an error, of type {@link InvalidBodyError} where the body is not what its headers say.
   */
  event(
    source: EventSource,
    invocation: { head: InvokeHead; body: Buffer },
    onJson: (json: string | Buffer) => void,
    onRefused: (error: Error) => void,
  ): void;
  /**
   * Reads the answer out of a bootstrap's response, which is not used any more by who hands it over.
   *
   * @param onInvalid - Gets an error, of type {@link InvalidAnswerError} where the response cannot be sent.
   */
  answer(
    response: Buffer,
    maxBytes: number,
    onAnswer: (answer: Answer) => void,
    onInvalid: (error: Error) => void,
  ): void;
}

/** Does the work at once. */
export class DirectBodyWork implements BodyWork {
  private readonly builders = new WeakMap<EventSource, RequestBuilder>();

  event(
    source: EventSource,
    invocation: { head: InvokeHead; body: Buffer },
    onJson: (json: string | Buffer) => void,
    onRefused: (error: Error) => void,
  ): void {
    this.builderOf(source).with(
      invocation,
      (request) => {
        let json: string;
        try {
          json = eventJson(request);
        } catch (error) {
          return onRefused(error as Error);
        }
        onJson(json);
      },
      (error) => onRefused(error as Error),
    );
  }

  answer(
    response: Buffer,
    maxBytes: number,
    onAnswer: (answer: Answer) => void,
    onInvalid: (error: Error) => void,
  ): void {
    let answer: Answer;
    try {
      answer = answerOf(response, maxBytes);
    } catch (error) {
      return onInvalid(error as Error);
    }
    onAnswer(answer);
  }

  private builderOf(source: EventSource): RequestBuilder {
    let builder = this.builders.get(source);
    if (builder === undefined) {
      builder = new RequestBuilder(source.config, source.params);
      this.builders.set(source, builder);
    }
    return builder;
  }
}
