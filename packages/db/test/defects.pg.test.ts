import { fixture } from "../src/drivers/postgres/fixture.js";
import { testDefects } from "./defects.js";

testDefects(fixture);
