/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "esp/aead.h"

static void selects_by_name(void **unused)
{
	const struct aead *a = aead_select("openssl", NULL);

	(void)unused;
	assert_non_null(a);
	assert_string_equal(a->name, "openssl");
	assert_ptr_equal(aead_select("openssl", NULL), a);
}

static void auto_takes_ipsec_mb_where_it_runs(void **unused)
{
	const struct aead *a = aead_select("auto", NULL);

	(void)unused;
	assert_non_null(a);
#ifdef HAVE_IPSEC_MB
	assert_string_equal(a->name, aead_ipsec_mb.available() ? "ipsec-mb" : "openssl");
#else
	assert_string_equal(a->name, "openssl");
#endif
}

static void unknown_names_are_a_line_for_people(void **unused)
{
	static const char *const names[] = {"", "aes", "Auto", "openssl "};
	struct fault f;

	(void)unused;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		memset(&f, 0, sizeof(f));
		assert_null(aead_select(names[i], &f));
		assert_non_null(strstr(f.text, names[i]));
		assert_non_null(strstr(f.text, "use 'auto'"));
	}
}

static void contexts_are_whole_cache_lines(void **unused)
{
	(void)unused;
	assert_int_equal(aead_openssl.ctx_size % 64, 0);
#ifdef HAVE_IPSEC_MB
	assert_int_equal(aead_ipsec_mb.ctx_size % 64, 0);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selects_by_name),
		cmocka_unit_test(auto_takes_ipsec_mb_where_it_runs),
		cmocka_unit_test(unknown_names_are_a_line_for_people),
		cmocka_unit_test(contexts_are_whole_cache_lines),
	};

	return cmocka_run_group_tests_name("aead", tests, NULL, NULL);
}
