"""What fills the slots of the templates in `asks/`: names, paths and tools as they occur in several programming
languages.

Written for this project. The tables are wide enough that no single name goes with a task; whatever is drawn says
nothing about the label. Reading replaces paths and identifiers by their kind anyway (`classifiers.features.text`); the
words that stay (entities, modules, libraries) are the ones that matter here.
"""

from __future__ import annotations

from typing import Final

_ENTITIES: Final = (
    "invoice|order|user|customer|product|booking|ticket|shipment|payment|report|comment|session|device|sensor|article|"
    "patient|vehicle|employee|contract|playlist|recipe|course|message|coupon|refund|subscription|address|job|file|event"
)
_MODULES: Final = (
    "billing|auth|search|inventory|scheduler|importer|export|notifications|gateway|cache|parser|renderer|sync|storage|queue|"
    "analytics|checkout|profile|uploads|replication|pricing|audit|migration|logging|monitor|background worker|test runner|"
    "indexer|crawler|planner|router|webhooks|reporting|mailer|editor"
)
_FIELDS: Final = (
    "name|email|status|created_at|amount|currency|userId|token|path|limit|offset|locale|timeout|retries|price|quantity|"
    "tenant_id|version|lock|state|label|url|config|order_id|phone|country|due_date|title|threshold|mode"
)
_ERRORS: Final = (
    "KeyError|NullPointerException|TypeError|index out of range|timeout|panic|segfault|404|500 error|ValueError|deadlock|"
    "stack overflow|IllegalStateException|connection reset|unexpected EOF|permission denied|encoding error|OOM|borrow error"
)

_NUMBERS: Final = "2|3|5|7|8|10|12|15|20|30|40|50|60|80|90|100|120|250|300|400|500|1000|1200|5000"

COMMON: Final[dict[str, tuple[str, ...]]] = {
    "ent": tuple(_ENTITIES.split("|")),
    "mod": tuple(_MODULES.split("|")),
    "field": tuple(_FIELDS.split("|")),
    "err": tuple(_ERRORS.split("|")),
    "n": tuple(_NUMBERS.split("|")),
}
"""Slots that are the same in every programming language."""


def _split(**slots: str) -> dict[str, tuple[str, ...]]:
    return {name: tuple(words.split("|")) for name, words in slots.items()}


LANGUAGES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "python": _split(
        pl="Python|python",
        fw="FastAPI|Django|Flask|Typer",
        tf="pytest|unittest|hypothesis",
        lib="requests|sqlalchemy|pandas|celery|boto3|redis|pydantic v1|nose|urllib2",
        lib2="httpx|polars|asyncpg|arq|structlog|pydantic v2|attrs",
        doc="Google style|numpy style|Sphinx|PEP 257",
        cfg="pyproject.toml|setup.cfg|tox.ini|.gitignore|Dockerfile|requirements.txt|.pre-commit-config.yaml",
        cmd="pytest|make test|ruff check|mypy|tox",
        path="app/models.py|src/core/parser.py|utils.py|services/billing.py|api/views.py|scripts/import_data.py|tests/conftest.py|db/session.py",
        dir="app/|src/|services/|scripts/",
        fn="parse_line|load_config|compute_total|get_user|save()|_merge|to_json|refresh_token|retry|apply_discount",
        cls="OrderService|UserRepository|ConfigLoader|Scheduler|Invoice|HttpClient|TokenStore|JobQueue",
    ),
    "typescript": _split(
        pl="TypeScript|typescript|TS|JavaScript",
        fw="React|Next.js|Express|NestJS|Vue|Angular|Svelte",
        tf="jest|vitest|playwright|cypress|mocha",
        lib="axios|moment|lodash|redux|enzyme|webpack|jquery|styled-components",
        lib2="fetch|date-fns|zustand|vite|tanstack query|tailwind|luxon",
        doc="JSDoc|TSDoc|tsdoc",
        cfg="package.json|tsconfig.json|.eslintrc|vite.config.ts|.prettierrc|Dockerfile|.nvmrc",
        cmd="npm test|pnpm lint|npm run build|tsc --noEmit|yarn test",
        path="src/components/Table.tsx|src/utils/date.ts|server/index.js|src/hooks/useCart.ts|lib/api.ts|src/pages/login.tsx|routes.ts",
        dir="src/|src/components|packages/|lib/",
        fn="useDebounce|formatPrice|fetchUser|handleSubmit|parseQuery()|mergeOptions|onChange|buildUrl",
        cls="CartStore|LoginForm|ApiClient|UserCard|EventBus|OrderTable|AuthProvider|Modal",
    ),
    "go": _split(
        pl="Go|golang|go",
        fw="gin|echo|chi|cobra|grpc",
        tf="testify|go test|gomock|table driven",
        lib="logrus|gorilla/mux|glog|viper|mgo|database/sql",
        lib2="slog|chi|zap|pgx|sqlc|errgroup",
        doc="godoc|Go doc",
        cfg="go.mod|Makefile|.golangci.yml|Dockerfile|goreleaser.yaml|docker-compose.yml",
        cmd="go test ./...|golangci-lint run|make build|go vet|go test -race",
        path="internal/store/store.go|cmd/server/main.go|pkg/queue/worker.go|handlers.go|internal/auth/token.go|config/config.go",
        dir="internal/|pkg/|cmd/",
        fn="ParseConfig|NewServer|handleLogin|Close()|writeBatch|Decode|ListOrders|withRetry",
        cls="Store|Server|WorkerPool|Client|LockTable|RateLimiter|Session|Batcher",
    ),
    "rust": _split(
        pl="Rust|rust",
        fw="axum|actix-web|clap|tokio|bevy",
        tf="cargo test|proptest|criterion|insta",
        lib="reqwest|failure|lazy_static|diesel|hyper|rustc-serialize",
        lib2="thiserror|anyhow|sqlx|serde|once_cell|ureq",
        doc="rustdoc|doc comment",
        cfg="Cargo.toml|rustfmt.toml|clippy.toml|.gitignore|Dockerfile|deny.toml",
        cmd="cargo test|cargo clippy|cargo build --release|cargo bench",
        path="src/lib.rs|src/lexer.rs|crates/core/src/arena.rs|src/main.rs|src/net/codec.rs|build.rs|src/db/mod.rs",
        dir="src/|crates/|src/net",
        fn="parse_header|next_token|insert|poll_read()|from_bytes|flush|split_at_key|resolve",
        cls="Lexer|Arena|Codec|ConnectionPool|Cursor|BTree|Allocator|Registry",
    ),
    "java": _split(
        pl="Java|java|Kotlin",
        fw="Spring Boot|Quarkus|Micronaut|Android|Ktor",
        tf="JUnit|Mockito|Testcontainers|AssertJ",
        lib="log4j|Guava|JUnit 4|javax.persistence|Joda-Time|Gson|RxJava",
        lib2="slf4j|java.time|JUnit 5|Jackson|MapStruct|coroutines|jakarta",
        doc="Javadoc|javadoc|KDoc",
        cfg="pom.xml|build.gradle|application.yml|Dockerfile|checkstyle.xml|Jenkinsfile",
        cmd="mvn verify|./gradlew test|mvn checkstyle:check|./gradlew build",
        path="src/main/java/com/acme/OrderController.java|UserService.java|app/src/main/Login.kt|PriceCalculator.java|config/SecurityConfig.java",
        dir="src/main/java|app/|modules/",
        fn="calculateTotal|findById|toDto()|onCreate|validate|processPayment|equals|loadProperties",
        cls="OrderController|PaymentGateway|UserDto|CacheManager|DiscountCalculator|AuditListener|JobRunner|CustomerMapper",
    ),
    "sql": _split(
        pl="SQL|PL/pgSQL|dbt",
        fw="dbt|Flyway|Liquibase|Postgres|SQLite",
        tf="pgTAP|dbt tests|tSQLt",
        lib="MySQL|Oracle|SQL Server|MyISAM|cursor loops",
        lib2="Postgres|BigQuery|window functions|Snowflake|partitioned tables",
        doc="COMMENT ON|header comment|dbt description",
        cfg="dbt_project.yml|docker-compose.yml|schema.sql|flyway.conf|.sqlfluff",
        cmd="dbt test|psql -f check.sql|sqlfluff lint|make db-test",
        path="migrations/V12__orders.sql|models/staging/stg_orders.sql|queries/report.sql|schema.sql|functions/total.sql|seed.sql",
        dir="migrations/|models/|queries/",
        fn="get_total()|monthly_report|upsert_order|refresh_view|fn_price|top_customers",
        cls="orders|customer_view|audit_log|daily_sales|order_items|stg_events",
    ),
}
"""By programming language. `path`, `fn`, `cls`, `lib`, `field`, `ent`, `mod` also serve the numbered slots
(`path2`)."""
