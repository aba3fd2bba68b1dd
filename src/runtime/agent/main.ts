import { takeInstanceStart } from "../instanceConfig";
import { Agent } from "./agent";

new Agent(takeInstanceStart(process.env)).begin();
