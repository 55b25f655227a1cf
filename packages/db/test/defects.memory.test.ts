import { fixture } from "../src/drivers/memory/fixture.js";
import { testDefects } from "./defects.js";

testDefects(fixture);
