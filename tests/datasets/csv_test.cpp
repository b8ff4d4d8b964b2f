#include "datasets/csv.h"

#include "tests/datasets/data_support.h"

namespace divvy::test {

namespace {

data::Dataset table(const std::string& text, const data::CsvOptions& options = {}) {
  const TemporaryFolder folder;
  return data::load_csv(folder.write("table.csv", text), options);
}

std::string flaw(const std::string& text, const data::CsvOptions& options = {}) {
  const TemporaryFolder folder;
  const std::string path = folder.write("table.csv", text);
  const std::string message = refusal<DataError>([&] { data::load_csv(path, options); });
  return message.starts_with(path + ": ") ? message.substr(path.size() + 2) : "without the path: " + message;
}

}  // namespace

TEST_CASE("a table becomes features and classes") {
  const data::Dataset d = table("a,b,kind\n1,-2.5,x\n3e2,.5,y\n0,7,x\n");
  CHECK(d.name == "table");
  CHECK(d.x.shape() == Shape{3, 2});
  CHECK(difference(d.x, Tensor::from({1., -2.5, 300., .5, 0., 7.}, {3, 2}), 0, 0) == "");
  CHECK(to_list(d.y) == std::vector<int64_t>{0, 1, 0});
  CHECK(d.class_names == std::vector<std::string>{"x", "y"});
  CHECK(d.normalization.empty());
}

TEST_CASE("words become one feature for each value") {
  const data::Dataset d = table("size,doors,kind\nsmall,2,a\nbig,5more,b\nmed,2,a\n");
  // big, med, small; 2, 5more
  CHECK(d.x.to_doubles() == std::vector<double>{0, 0, 1, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0});
}

TEST_CASE("the label can be any column, columns can be left out, and numbers are classes in their order") {
  const data::Dataset d =
      table("id;kind;v\n7;10;1\n8;9;2\n9;10;3\n", {.label = "kind", .ignore = {"id"}, .separator = ';'});
  CHECK(d.x.to_doubles() == std::vector<double>{1, 2, 3});
  CHECK(d.class_names == std::vector<std::string>{"9", "10"});
  CHECK(to_list(d.y) == std::vector<int64_t>{1, 0, 1});
}

TEST_CASE("quotes, blanks, blank lines, line ends and byte order marks are understood") {
  const data::Dataset d = table("\xef\xbb\xbf\"a, b\" , kind\r\n\r\n 1 ,\"say \"\"x\"\"\" \r\n2,\" y\"\r\n\n3,\" y\"");
  CHECK(d.x.to_doubles() == std::vector<double>{1, 2, 3});
  CHECK(d.class_names == std::vector<std::string>{" y", "say \"x\""});
  CHECK(to_list(d.y) == std::vector<int64_t>{1, 0, 0});
  CHECK(table("a,kind\n\"1,5\",x\n", {}).sample_shape() == Shape{1});  // a word: one value
}

TEST_CASE("a bad table gives one clear error") {
  CHECK(flaw("") == "there are no rows");
  CHECK(flaw("a,b\n") == "there are no rows");
  CHECK(flaw("a,b\n1,2\n1\n") == "line 3 has 1 fields where the first line names 2 columns");
  CHECK(flaw("a,b\n1,2,3\n") == "line 2 has 3 fields where the first line names 2 columns");
  CHECK(flaw("a,b\n1,2\n\n,2\n") == "line 4: column a is empty");
  CHECK(flaw("a,b\n1,\n") == "line 2: column b is empty");
  CHECK(flaw("a,b\n1,\"\"\n") == "line 2: column b is empty");
  CHECK(flaw("a,b\n1,\"x\n") == "line 2: a quote does not end");
  CHECK(flaw("a,b\n\"1\"2,x\n") == "line 2: text follows a quoted field");
  CHECK(flaw("a,b\n1,x\nnan,y\n") == "line 3: column a is nan");
  CHECK(flaw("a,b\n1,x\n1e400,y\n") == "line 3: column a is 1e400");
  CHECK(flaw("a,b\n1,x\n1e39,y\n") == "line 3: column a is 1e39");
  CHECK(flaw("a,a\n1,2\n") == "a column name comes twice");
  CHECK(flaw("a\nx\n") == "there is no column for features");
  CHECK(flaw("a,b\n1,2\n", {.label = "c"}) == "there is no column c; it has a, b");
  CHECK(flaw("a,b\n1,2\n", {.ignore = {"z"}}) == "there is no column z; it has a, b");
  std::string many = "a,b\n";
  for (int i = 0; i < 1001; ++i) many += fmt::format("1,w{}\n", i);
  CHECK(flaw(many) == "column b has 1001 different values, which is too many for classes");
  CHECK_THAT(refusal<DataError>([] { data::load_csv("/nowhere/at.all"); }),
             ContainsSubstring("/nowhere/at.all: cannot be"));
}

}  // namespace divvy::test
