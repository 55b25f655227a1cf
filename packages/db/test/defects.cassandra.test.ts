import { fixture } from "../src/drivers/cassandra/fixture.js";
import { testDefects } from "./defects/test-defects.js";

testDefects(fixture);
