import { opensearchFixture } from "../../src/drivers/elasticsearch/fixture.js";
import { testFaults } from "./test-faults.js";

testFaults(opensearchFixture, "opensearch");
