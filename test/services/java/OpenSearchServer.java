import org.codelibs.opensearch.runner.OpenSearchRunner;

/** One node of OpenSearch without security: OpenSearchServer FOLDER PORT. The next port is that of its own protocol. */
public class OpenSearchServer {
  public static void main(String[] args) throws Exception {
    int port = Integer.parseInt(args[1]);
    OpenSearchRunner runner = new OpenSearchRunner();
    runner
      .onBuild((number, settings) -> {
        settings.put("network.host", "127.0.0.1");
        settings.put("http.port", port);
        settings.put("transport.port", port + 1);
        settings.put("discovery.type", "single-node");
        settings.putList("node.roles", "cluster_manager", "data", "ingest");
        settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
        settings.put("cluster.max_shards_per_node", 10000);
      })
      .build(OpenSearchRunner.newConfigs().basePath(args[0]).numOfNode(1).clusterName("test").useLogger());
    Runtime.getRuntime().addShutdownHook(
      new Thread(() -> {
        try {
          runner.close();
        } catch (Exception error) {
          error.printStackTrace();
        }
      })
    );
    Thread.currentThread().join();
  }
}
