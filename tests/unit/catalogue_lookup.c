#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "reconciler/catalogue/catalogue.h"

static void finds_an_id_however_it_is_written(void **state)
{
    (void)state;
    const char *const ways[] = {"EK-0113", "ek-0113", "EK0113", "EK-113", "113", "0113"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const struct ek_catalogue_row *row = ek_catalogue_find(ways[i]);
        assert_non_null(row);
        assert_string_equal(row->id, "EK-0113");
    }
    const char *const none[] = {"", "EK", "EK-", "EK-01131", "EK-9999", "x", "EK-011a", "113 x"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_null(ek_catalogue_find(none[i]));
}

static void every_row_is_whole_and_unique(void **state)
{
    (void)state;
    size_t count = 0;
    const struct ek_catalogue_row *rows = ek_catalogue_rows(&count);
    assert_true(count > 100);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(strlen(rows[i].id), 7);
        assert_memory_equal(rows[i].id, "EK-", 3);
        assert_int_equal(strspn(rows[i].id + 3, "0123456789"), 4);
        assert_true(strlen(rows[i].title) > 3);
        assert_true(strlen(rows[i].meaning) > 10);
        assert_true(strlen(rows[i].remedy) > 5);
        assert_ptr_equal(ek_catalogue_find(rows[i].id), &rows[i]);
    }
}

static void knows_what_servers_log(void **state)
{
    (void)state;
    const struct {
        const char *line;
        const char *id;
    } lines[] = {
        {"2026-01-02T03:04:05.678+0000 E NETWORK  [conn12] no SSL certificate provided by peer; "
         "connection rejected",
         "EK-0901"},
        {"2026-01-02T03:04:05.678+0000 W NETWORK  [conn12] no SSL certificate provided by peer",
         "EK-0902"},
        {"{\"msg\":\"No SSL certificate provided by peer; connection rejected\"}", "EK-0901"},
        {"SSL peer certificate validation failed: certificate has expired", "EK-0903"},
        {"SSLHandshakeFailed: The server is configured to only allow SSL connections", "EK-0904"},
        {"SSL handshake received but server is started without SSL support", "EK-0905"},
        {"The server certificate does not match the host name. Hostname: h does not match SAN(s): "
         "a",
         "EK-0906"},
        {"No keys found for HMAC that is valid for time: { ts: Timestamp(1, 2) }", "EK-0907"},
        {"SSL mode is set to 'preferred' and connection 7 to 10.0.0.1 is not using SSL.",
         "EK-0908"},
        {"The provided SSL certificate is expired or not yet valid.", "EK-0909"},
        {"cannot read certificate authority file: /x error:0200", "EK-0912"},
        {"{\"id\":23251,\"msg\":\"Cannot read PEM key\",\"attr\":{\"error\":\"bad decrypt\"}}",
         "EK-0911"},
        {"{\"id\":23252,\"msg\":\"Cannot use PEM key\",\"attr\":{\"keyFile\":\"/x\"}}", "EK-0911"},
        {"{\"id\":23239,\"msg\":\"Unable to fetch password\",\"attr\":{}}", "EK-0911"},
        {"{\"id\":20574,\"attr\":{\"errmsg\":\"ssl client initialization problem for certificate: "
         "/x "
         ":: caused by :: The provided SSL certificate is expired or not yet valid.\"}}",
         "EK-0909"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const struct ek_catalogue_row *row = NULL;
        if (ek_catalogue_match_log_line(lines[i].line, &row, 1) != 1)
            fail_msg("nothing explains: %s", lines[i].line);
        assert_string_equal(row->id, lines[i].id);
    }
    const struct ek_catalogue_row *none = NULL;
    assert_int_equal(ek_catalogue_match_log_line("waiting for connections on port 27017", &none, 1),
                     0);
    assert_int_equal(ek_catalogue_match_log_line("", &none, 1), 0);
}

static void says_what_is_near(void **state)
{
    (void)state;
    const struct ek_catalogue_row *near[3];
    size_t count = ek_catalogue_near("why is a restart needed", near, 3);
    assert_in_range(count, 1, 3);
    assert_string_equal(near[0]->id, "EK-0113");
    assert_int_equal(ek_catalogue_near("zzzz qqqq", near, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_an_id_however_it_is_written),
        cmocka_unit_test(every_row_is_whole_and_unique),
        cmocka_unit_test(knows_what_servers_log),
        cmocka_unit_test(says_what_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
