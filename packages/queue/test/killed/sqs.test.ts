import { testKilled } from "./test-killed.js";

const options = { pollSeconds: 1 };

testKilled({ name: "sqs", env: "BK_TEST_SQS", service: "sqs", keepsNothing: true, url: ({ server }) => server, options });
testKilled({ name: "sqs", env: "BK_TEST_SQS", service: "sqs", keepsNothing: true, url: ({ server }) => `${server}&fifo=true`, options });
