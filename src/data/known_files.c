/* The files of the known sets, as they are published: addresses, sizes, checksums.
 *
 * The sums of MNIST, of Fashion-MNIST's labels, of tiny Shakespeare and of the UCI sets were taken
 * from the files. Those of Fashion-MNIST's images and of the two CIFAR archives are the ones that
 * several projects check which fetch them (Red Datasets, Flux, GoMLX among others). Where a set's
 * home page has closed or knows no https, the address is the copy that large frameworks use. */
#include "data/dataset.h"

#define FILES_UCI "https://archive.ics.uci.edu/ml/machine-learning-databases/"
#define FILES_FASHION                                                                              \
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"
#define FILES_MNIST(name)                                                                          \
    {                                                                                              \
        "https://storage.googleapis.com/cvdf-datasets/mnist/" name,                                \
            "https://ossci-datasets.s3.amazonaws.com/mnist/" name                                  \
    }

const gr_data_file gr_fashion_files[] = {
    {.path = "fashion-mnist/t10k-labels-idx1-ubyte.gz",
     .url = {FILES_FASHION "t10k-labels-idx1-ubyte.gz"},
     .sha256 = "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
     .bytes = 5148},
    {.path = "fashion-mnist/t10k-images-idx3-ubyte.gz",
     .url = {FILES_FASHION "t10k-images-idx3-ubyte.gz"},
     .sha256 = "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
     .bytes = 4422102},
    {.path = "fashion-mnist/train-labels-idx1-ubyte.gz",
     .url = {FILES_FASHION "train-labels-idx1-ubyte.gz"},
     .sha256 = "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
     .bytes = 29515},
    {.path = "fashion-mnist/train-images-idx3-ubyte.gz",
     .url = {FILES_FASHION "train-images-idx3-ubyte.gz"},
     .sha256 = "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
     .bytes = 26421880},
    {0},
};

const gr_data_file gr_mnist_files[] = {
    {.path = "mnist/t10k-labels-idx1-ubyte.gz",
     .url = FILES_MNIST("t10k-labels-idx1-ubyte.gz"),
     .sha256 = "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
     .bytes = 4542},
    {.path = "mnist/t10k-images-idx3-ubyte.gz",
     .url = FILES_MNIST("t10k-images-idx3-ubyte.gz"),
     .sha256 = "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
     .bytes = 1648877},
    {.path = "mnist/train-labels-idx1-ubyte.gz",
     .url = FILES_MNIST("train-labels-idx1-ubyte.gz"),
     .sha256 = "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
     .bytes = 28881},
    {.path = "mnist/train-images-idx3-ubyte.gz",
     .url = FILES_MNIST("train-images-idx3-ubyte.gz"),
     .sha256 = "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
     .bytes = 9912422},
    {0},
};

const gr_data_file gr_cifar10_files[] = {
    {.path = "cifar-10-binary.tar.gz",
     .url = {"https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"},
     .sha256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
     .bytes = 170052171,
     .folder = "cifar-10-batches-bin"},
    {0},
};

const gr_data_file gr_cifar100_files[] = {
    {.path = "cifar-100-binary.tar.gz",
     .url = {"https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"},
     .sha256 = "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
     .bytes = 168513733,
     .folder = "cifar-100-binary"},
    {0},
};

const gr_data_file gr_digits_files[] = {
    {.path = "uci/optdigits.tes",
     .url = {FILES_UCI "optdigits/optdigits.tes"},
     .sha256 = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8",
     .bytes = 264712},
    {.path = "uci/optdigits.tra",
     .url = {FILES_UCI "optdigits/optdigits.tra"},
     .sha256 = "e1b683cc211604fe8fd8c4417e6a69f31380e0c61d4af22e93cc21e9257ffedd",
     .bytes = 563639},
    {0},
};

const gr_data_file gr_iris_files[] = {
    {.path = "uci/iris.data",
     .url = {FILES_UCI "iris/iris.data"},
     .sha256 = "6f608b71a7317216319b4d27b4d9bc84e6abd734eda7872b71a458569e2656c0",
     .bytes = 4551},
    {0},
};

const gr_data_file gr_wine_files[] = {
    {.path = "uci/wine.data",
     .url = {FILES_UCI "wine/wine.data"},
     .sha256 = "6be6b1203f3d51df0b553a70e57b8a723cd405683958204f96d23d7cd6aea659",
     .bytes = 10782},
    {0},
};

const gr_data_file gr_cancer_files[] = {
    {.path = "uci/wdbc.data",
     .url = {FILES_UCI "breast-cancer-wisconsin/wdbc.data"},
     .sha256 = "d606af411f3e5be8a317a5a8b652b425aaf0ff38ca683d5327ffff94c3695f4a",
     .bytes = 124103},
    {0},
};

const gr_data_file gr_shakespeare_files[] = {
    {.path = "tinyshakespeare/input.txt",
     .url = {"https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/"
             "input.txt"},
     .sha256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
     .bytes = 1115394},
    {0},
};
