import { opensearchFixture } from "../../src/drivers/elasticsearch/fixture.js";
import { testModel } from "./test-model.js";

// Each step is a request or several, with a refresh before those that search.
testModel(opensearchFixture, 4, 5000);
