import { takeInstanceStart } from "../instanceConfig";
import { NodeRuntime } from "./nodeRuntime";

void new NodeRuntime(takeInstanceStart(process.env)).begin();
