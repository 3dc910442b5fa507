/* Servers, directories, configuration files and units that two members claim. */
#include "tests/unit/specs_helper.h"

#define DEPLOYMENT(name)                                                                           \
    "---\napiVersion: evenkeel/v1\nkind: Deployment\nmetadata: { name: " name                      \
    ", account: acme }\nspec:\n"
#define LOCAL(directory) "  provider: { name: local, directory: " directory " }\n"
#define HOSTS "  provider: { name: hosts }\n"
#define HERE "  provider: { name: hosts, reach: local }\n"
#define MEMBERS "  replicaSet:\n    name: rs\n    members:\n"

struct collision {
    const char *deployments; /* the first line of the first one is line 4 of its file */
    struct {
        const char *id;
        int line;
        const char *key;
        const char *sentence;
        const char *first; /* where the hint says that the first one is */
    } wanted[4];
};

static const struct collision collisions[] = {
    /* within one deployment; the first member is at line 13 */
    {DEPLOYMENT("one") LOCAL("/srv") MEMBERS "      - { name: a, host: a, directory: /srv/x }\n"
                                             "      - { name: b, host: b, directory: /srv/x/ }\n",
     {{"EK-0347", 14, "spec.replicaSet.members[1].directory",
       "/srv/x is the directory of member \"a\" already", "orders.yaml:13:40"}}},
    {DEPLOYMENT("one") LOCAL("/srv") MEMBERS "      - { name: a, host: a }\n"
                                             "      - { name: b, host: b, directory: /srv/a }\n",
     {{"EK-0347", 14, "spec.replicaSet.members[1].directory",
       "/srv/a is the directory of member \"a\" already", "orders.yaml:13:9"}}},
    {DEPLOYMENT("one") LOCAL("/srv") MEMBERS
     "      - { name: a, host: a }\n"
     "      - { name: b, host: b, configuration: /srv/a/mongod.conf }\n",
     {{"EK-0348", 14, "spec.replicaSet.members[1].configuration",
       "/srv/a/mongod.conf is the configuration file of member \"a\" already",
       "orders.yaml:13:9"}}},
    {DEPLOYMENT("one") HOSTS MEMBERS "      - { name: a, host: h1 }\n"
                                     "      - { name: b, host: H1, port: 27018 }\n",
     {{"EK-0348", 14, "spec.replicaSet.members[1]",
       "/etc/mongod.conf is the configuration file of member \"a\" already", "orders.yaml:13:9"},
      {"EK-0349", 14, "spec.replicaSet.members[1]",
       "mongod.service is the unit of member \"a\" already", "orders.yaml:13:9"}}},
    {DEPLOYMENT("one") HOSTS MEMBERS "      - { name: a, host: h1, unit: m.service }\n"
                                     "      - { name: b, host: h1, port: 27018, unit: m.service,\n"
                                     "          configuration: /etc/b.conf }\n",
     {{"EK-0349", 14, "spec.replicaSet.members[1].unit",
       "m.service is the unit of member \"a\" already", "orders.yaml:13:36"}}},
    /* one machine under two names */
    {DEPLOYMENT("one") HERE MEMBERS "      - { name: a, host: h1 }\n"
                                    "      - { name: b, host: h2, unit: b.service }\n",
     {{"EK-0348", 14, "spec.replicaSet.members[1]",
       "/etc/mongod.conf is the configuration file of member \"a\" already", "orders.yaml:13:9"}}},
    {DEPLOYMENT("one") HOSTS MEMBERS
     "      - { name: a, host: h1, ssh: { host: box } }\n"
     "      - { name: b, host: h2, configuration: /etc/b.conf, ssh: { host: box } }\n",
     {{"EK-0349", 14, "spec.replicaSet.members[1]",
       "mongod.service is the unit of member \"a\" already", "orders.yaml:13:9"}}},
    {DEPLOYMENT("one") HOSTS MEMBERS
     "      - { name: a, host: h1, ssh: { host: box } }\n" DEPLOYMENT("two") HOSTS MEMBERS
     "      - { name: x, host: box, configuration: /etc/x.conf }\n",
     {{"EK-0349", 23, "spec.replicaSet.members[0]",
       "mongod.service is the unit of member \"a\" of deployment \"one\" already",
       "orders.yaml:13:9"}}},
    /* one member copied and left as it was: one error */
    {DEPLOYMENT("one") HOSTS MEMBERS "      - { name: a, host: h1 }\n"
                                     "      - { name: b, host: h1 }\n",
     {{"EK-0338", 14, "spec.replicaSet.members[1].host",
       "h1:27017 is the server of member \"a\" already", "orders.yaml:13:26"}}},
    {DEPLOYMENT("one") HOSTS MEMBERS "      - { name: a, host: localhost }\n"
                                     "      - { name: b, host: 127.0.0.1 }\n",
     {{"EK-0338", 14, "spec.replicaSet.members[1].host",
       "127.0.0.1:27017 is the server of member \"a\" already", "orders.yaml:13:26"}}},
    /* three at one: each later one names the first */
    {DEPLOYMENT("one") LOCAL("/srv") MEMBERS "      - { name: a, host: a, directory: /srv/x }\n"
                                             "      - { name: b, host: b, directory: /srv/x }\n"
                                             "      - { name: c, host: c, directory: /srv/x }\n",
     {{"EK-0347", 14, "spec.replicaSet.members[1].directory",
       "/srv/x is the directory of member \"a\" already", "orders.yaml:13:40"},
      {"EK-0347", 15, "spec.replicaSet.members[2].directory",
       "/srv/x is the directory of member \"a\" already", "orders.yaml:13:40"}}},
    /* across deployments; the second one's member is at line 23 */
    {DEPLOYMENT("one") LOCAL("/srv") MEMBERS "      - { name: a, host: a }\n" DEPLOYMENT("two")
         LOCAL("/srv") MEMBERS "      - { name: a, host: b }\n",
     {{"EK-0347", 23, "spec.replicaSet.members[0]",
       "/srv/a is the directory of member \"a\" of deployment \"one\" already",
       "orders.yaml:13:9"}}},
    {DEPLOYMENT("one") HOSTS MEMBERS "      - { name: a, host: h1 }\n" DEPLOYMENT("two")
         HOSTS MEMBERS "      - { name: x, host: h1, port: 1, unit: x.service }\n",
     {{"EK-0348", 23, "spec.replicaSet.members[0]",
       "/etc/mongod.conf is the configuration file of member \"a\" of deployment \"one\" already",
       "orders.yaml:13:9"}}},
    {DEPLOYMENT("one") HOSTS MEMBERS "      - { name: a, host: h1 }\n" DEPLOYMENT("two")
         HOSTS MEMBERS "      - { name: x, host: h1, port: 1, configuration: /etc/x.conf }\n",
     {{"EK-0349", 23, "spec.replicaSet.members[0]",
       "mongod.service is the unit of member \"a\" of deployment \"one\" already",
       "orders.yaml:13:9"}}},
    {DEPLOYMENT("one") HOSTS MEMBERS "      - { name: a, host: h1 }\n" DEPLOYMENT("two")
         HOSTS MEMBERS "      - { name: x, host: h1 }\n",
     {{"EK-0346", 23, "spec.replicaSet.members[0].host",
       "h1:27017 is the server of member \"a\" of deployment \"one\" already",
       "orders.yaml:13:26"}}},
    {DEPLOYMENT("one") LOCAL("/srv/1") MEMBERS "      - { name: a, host: localhost }\n" DEPLOYMENT(
         "two") LOCAL("/srv/2") MEMBERS "      - { name: x, host: 127.0.0.1 }\n",
     {{"EK-0346", 23, "spec.replicaSet.members[0].host",
       "127.0.0.1:27017 is the server of member \"a\" of deployment \"one\" already",
       "orders.yaml:13:26"}}},
    /* a member that is broken itself says nothing about others; the others still count */
    {DEPLOYMENT("one") LOCAL("/srv") MEMBERS "      - { name: a, host: a, directory: /srv/x }\n"
                                             "      - { name: b, host: b, directory: /srv/x }\n"
                                             "      - { name: c, host: c, port: 0 }\n",
     {{"EK-0347", 14, "spec.replicaSet.members[1].directory",
       "/srv/x is the directory of member \"a\" already", "orders.yaml:13:40"},
      {"EK-0322", 15, "spec.replicaSet.members[2].port", "", ""}}},
};

static void the_second_one_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof collisions / sizeof *collisions; i++) {
        EK_BUFFER text = {0};
        ek_buffer_printf(&text, ACCOUNT "%s", collisions[i].deployments);
        struct parsed parsed = parse_text(ek_buffer_text(&text));
        size_t count = 0;
        while (count < 4 && collisions[i].wanted[count].id)
            count++;
        if (parsed.diagnostics.count != count)
            show_diagnostics(&parsed);
        assert_int_equal(parsed.diagnostics.count, count);
        for (size_t w = 0; w < count; w++) {
            const struct ek_diagnostic *found = &parsed.diagnostics.items[w];
            assert_string_equal(found->id, collisions[i].wanted[w].id);
            assert_int_equal(found->line, collisions[i].wanted[w].line);
            assert_string_equal(found->key, collisions[i].wanted[w].key);
            if (collisions[i].wanted[w].sentence[0] == 0)
                continue;
            assert_string_equal(found->sentence, collisions[i].wanted[w].sentence);
            const char *first = strstr(found->hint, "the first one is at ");
            assert_non_null(first);
            assert_string_equal(first + strlen("the first one is at "),
                                collisions[i].wanted[w].first);
        }
        parsed_done(&parsed);
    }
}

static const char *const apart[] = {
    /* the same paths on two hosts */
    DEPLOYMENT("one") HOSTS MEMBERS "      - { name: a, host: h1 }\n"
                                    "      - { name: b, host: h2 }\n",
    /* one host, everything of its own */
    DEPLOYMENT("one") HOSTS MEMBERS "      - { name: a, host: h1 }\n"
                                    "      - { name: b, host: h1, port: 27018, unit: b.service,\n"
                                    "          configuration: /etc/b.conf }\n",
    /* two accounts with the same names on one host, everything of its own */
    DEPLOYMENT("one") HOSTS MEMBERS
    "      - { name: a, host: h1 }\n---\napiVersion: evenkeel/v1\nkind: Account\n"
    "metadata: { name: zeta }\n---\napiVersion: evenkeel/v1\nkind: Deployment\n"
    "metadata: { name: one, account: zeta }\nspec:\n" HOSTS MEMBERS
    "      - { name: a, host: h1, port: 27018, unit: z.service,\n"
    "          configuration: /etc/z.conf }\n",
    /* two machines behind one address */
    DEPLOYMENT("one") HOSTS MEMBERS
    "      - { name: a, host: h1, ssh: { host: gate, port: 2201 } }\n"
    "      - { name: b, host: h2, ssh: { host: gate, port: 2202 } }\n",
    /* each on the machine of its own Evenkeel */
    DEPLOYMENT("one") HERE MEMBERS "      - { name: a, host: h1 }\n" DEPLOYMENT("two") HERE MEMBERS
    "      - { name: a, host: h2 }\n",
    /* localhost is another one in each network namespace */
    DEPLOYMENT("one") LOCAL("/srv/1") MEMBERS
    "      - { name: a, host: localhost, networkNamespace: n1 }\n" DEPLOYMENT("two") LOCAL("/srv/2")
        MEMBERS "      - { name: a, host: localhost, networkNamespace: n2 }\n",
    /* one unit's name means nothing to provider local */
    DEPLOYMENT("one") LOCAL("/srv") MEMBERS "      - { name: a, host: h1 }\n"
                                            "      - { name: b, host: h2 }\n",
};

static void what_is_apart_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++) {
        EK_BUFFER text = {0};
        ek_buffer_printf(&text, ACCOUNT "%s", apart[i]);
        struct parsed parsed = parse_text(ek_buffer_text(&text));
        if (parsed.result != 0)
            show_diagnostics(&parsed);
        assert_int_equal(parsed.result, 0);
        parsed_done(&parsed);
    }
}

/* Where some documents are broken, the first one goes on and the second is left out. */
static void the_first_one_goes_on(void **state)
{
    (void)state;
    char path[] = "orders.yaml";
    char text[] = ACCOUNT DEPLOYMENT("one") LOCAL("/srv") MEMBERS
        "      - { name: a, host: a }\n" DEPLOYMENT("two") LOCAL("/srv") MEMBERS
        "      - { name: a, host: b }\n";
    struct ek_spec_file file = {.path = path, .text = text, .length = strlen(text)};
    struct ek_spec_files files = {.files = &file, .count = 1};
    struct parsed parsed = {0};
    assert_int_equal(ek_specs_parse_sound(&files, &parsed.specs, &parsed.diagnostics, &parsed.err),
                     0);
    assert_int_equal(parsed.specs.deployment_count, 1);
    assert_string_equal(parsed.specs.deployments[0].name, "one");
    assert_int_equal(parsed.specs.broken_count, 1);
    assert_string_equal(parsed.specs.broken[0].name, "two");
    parsed_done(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_one_is_told),
        cmocka_unit_test(what_is_apart_is_sound),
        cmocka_unit_test(the_first_one_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
