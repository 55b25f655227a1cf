import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.elasticsearch.analysis.common.CommonAnalysisPlugin;
import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.index.analysis.CharFilterFactory;
import org.elasticsearch.index.analysis.PreConfiguredTokenFilter;
import org.elasticsearch.index.analysis.PreConfiguredTokenizer;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.index.analysis.TokenizerFactory;
import org.elasticsearch.index.mapper.MapperExtrasPlugin;
import org.elasticsearch.reindex.ReindexPlugin;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.painless.PainlessPlugin;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.plugins.ScriptPlugin;
import org.elasticsearch.script.ScriptContext;
import org.elasticsearch.script.ScriptEngine;
import org.elasticsearch.transport.Netty4Plugin;

/** One node of Elasticsearch 7 without X-Pack: ElasticsearchServer FOLDER PORT. The next port is that of its own protocol. */
public class ElasticsearchServer {
  /** The modules of 7.10.2 with what is binary compatible with 7.17 alone. */
  public static class Painless extends Plugin implements ScriptPlugin {
    final PainlessPlugin plugin = new PainlessPlugin();

    public ScriptEngine getScriptEngine(Settings settings, Collection<ScriptContext<?>> contexts) {
      return plugin.getScriptEngine(settings, contexts);
    }

    public List<Setting<?>> getSettings() {
      return plugin.getSettings();
    }
  }

  public static class Analysis extends Plugin implements AnalysisPlugin {
    final CommonAnalysisPlugin plugin = new CommonAnalysisPlugin();

    public Map<String, AnalysisProvider<TokenizerFactory>> getTokenizers() {
      return plugin.getTokenizers();
    }

    public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
      var filters = new HashMap<>(plugin.getTokenFilters());
      filters.remove("fingerprint");
      return filters;
    }

    public Map<String, AnalysisProvider<CharFilterFactory>> getCharFilters() {
      return plugin.getCharFilters();
    }

    public List<PreConfiguredTokenFilter> getPreConfiguredTokenFilters() {
      return plugin.getPreConfiguredTokenFilters();
    }

    public List<PreConfiguredTokenizer> getPreConfiguredTokenizers() {
      return plugin.getPreConfiguredTokenizers();
    }
  }

  public static void main(String[] args) throws Exception {
    int port = Integer.parseInt(args[1]);
    Settings settings = Settings.builder()
      .put("path.home", args[0])
      .put("cluster.name", "test")
      .put("node.name", "n1")
      .put("network.host", "127.0.0.1")
      .put("http.port", port)
      .put("transport.port", port + 1)
      .put("discovery.type", "single-node")
      .put("cluster.routing.allocation.disk.threshold_enabled", false)
      .put("cluster.max_shards_per_node", 10000)
      .build();
    List<Class<? extends Plugin>> plugins = List.of(
      Painless.class,
      Analysis.class,
      Netty4Plugin.class,
      ReindexPlugin.class,
      MapperExtrasPlugin.class
    );
    Path config = Path.of(args[0], "config");
    Node node = new Node(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), config, () -> "n1"), plugins, true) {};
    Runtime.getRuntime().addShutdownHook(
      new Thread(() -> {
        try {
          node.close();
        } catch (Exception error) {
          error.printStackTrace();
        }
      })
    );
    node.start();
    Thread.currentThread().join();
  }
}
