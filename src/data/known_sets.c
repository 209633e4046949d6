/* The data sets that have a name: what they are, what their classes are called, how to get them. */
#include "data/dataset.h"

const char *const gr_digit_names[10] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

static const char *const known_fashion_names[10] = {
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};

const char *const gr_cifar10_names[10] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                          "dog",      "frog",       "horse", "ship", "truck"};

const char *const gr_cifar100_names[100] = {
    "apple",       "aquarium_fish", "baby",      "bear",       "beaver",       "bed",
    "bee",         "beetle",        "bicycle",   "bottle",     "bowl",         "boy",
    "bridge",      "bus",           "butterfly", "camel",      "can",          "castle",
    "caterpillar", "cattle",        "chair",     "chimpanzee", "clock",        "cloud",
    "cockroach",   "couch",         "crab",      "crocodile",  "cup",          "dinosaur",
    "dolphin",     "elephant",      "flatfish",  "forest",     "fox",          "girl",
    "hamster",     "house",         "kangaroo",  "keyboard",   "lamp",         "lawn_mower",
    "leopard",     "lion",          "lizard",    "lobster",    "man",          "maple_tree",
    "motorcycle",  "mountain",      "mouse",     "mushroom",   "oak_tree",     "orange",
    "orchid",      "otter",         "palm_tree", "pear",       "pickup_truck", "pine_tree",
    "plain",       "plate",         "poppy",     "porcupine",  "possum",       "rabbit",
    "raccoon",     "ray",           "road",      "rocket",     "rose",         "sea",
    "seal",        "shark",         "shrew",     "skunk",      "skyscraper",   "snail",
    "snake",       "spider",        "squirrel",  "streetcar",  "sunflower",    "sweet_pepper",
    "table",       "tank",          "telephone", "television", "tiger",        "tractor",
    "train",       "trout",         "tulip",     "turtle",     "wardrobe",     "whale",
    "willow_tree", "wolf",          "woman",     "worm"};

static const char *const known_iris_features[4] = {"sepal length (cm)", "sepal width (cm)",
                                                   "petal length (cm)", "petal width (cm)"};

static const char *const known_wine_features[13] = {
    "alcohol",         "malic acid",      "ash",        "alcalinity of ash",
    "magnesium",       "total phenols",   "flavanoids", "nonflavanoid phenols",
    "proanthocyanins", "color intensity", "hue",        "OD280/OD315 of diluted wines",
    "proline"};

static const char *const known_cancer_features[30] = {
    "mean radius",      "mean texture",
    "mean perimeter",   "mean area",
    "mean smoothness",  "mean compactness",
    "mean concavity",   "mean concave points",
    "mean symmetry",    "mean fractal dimension",
    "radius error",     "texture error",
    "perimeter error",  "area error",
    "smoothness error", "compactness error",
    "concavity error",  "concave points error",
    "symmetry error",   "fractal dimension error",
    "worst radius",     "worst texture",
    "worst perimeter",  "worst area",
    "worst smoothness", "worst compactness",
    "worst concavity",  "worst concave points",
    "worst symmetry",   "worst fractal dimension"};

#define KNOWN_SHAPE(...)                                                                           \
    {                                                                                              \
        GR_COUNT_OF_(__VA_ARGS__),                                                                 \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define KNOWN_MADE "it is made as needed"
#define KNOWN_FETCH(name) "gradus data fetch " name

const gr_known_set gr_known_sets[] = {
    {.info = {"fashion-mnist", "Zalando's articles of clothing, grey, 28x28",
              KNOWN_SHAPE(1, 28, 28), 10, 60000, 10000,
              KNOWN_FETCH("fashion-mnist") ", or apt install dataset-fashion-mnist"},
     .kind = GR_DATA_IDX,
     .places = {"fashion-mnist"},
     .files = gr_fashion_files,
     .class_names = known_fashion_names},
    {.info = {"mnist", "handwritten digits, grey, 28x28", KNOWN_SHAPE(1, 28, 28), 10, 60000, 10000,
              KNOWN_FETCH("mnist")},
     .kind = GR_DATA_IDX,
     .places = {"mnist"},
     .files = gr_mnist_files,
     .class_names = gr_digit_names},
    {.info = {"cifar10", "photos of animals and vehicles, colour, 32x32", KNOWN_SHAPE(3, 32, 32),
              10, 50000, 10000, KNOWN_FETCH("cifar10")},
     .kind = GR_DATA_CIFAR10,
     .places = {"cifar-10-batches-bin", "cifar10"},
     .files = gr_cifar10_files,
     .class_names = gr_cifar10_names},
    {.info = {"cifar100", "photos of a hundred kinds of things, colour, 32x32",
              KNOWN_SHAPE(3, 32, 32), 100, 50000, 10000, KNOWN_FETCH("cifar100")},
     .kind = GR_DATA_CIFAR100,
     .places = {"cifar-100-binary", "cifar100"},
     .files = gr_cifar100_files,
     .class_names = gr_cifar100_names},
    {.info = {"digits", "handwritten digits, 8x8, from 0 to 16", KNOWN_SHAPE(1, 8, 8), 10, 3823,
              1797, KNOWN_FETCH("digits")},
     .kind = GR_DATA_TABLE,
     .places = {"uci/optdigits.tra", "digits/optdigits.tra", "optdigits.tra"},
     .files = gr_digits_files,
     .test = "optdigits.tes",
     .class_names = gr_digit_names},
    {.info = {"iris", "three kinds of irises by their sepals and petals", KNOWN_SHAPE(4), 3, 150, 0,
              KNOWN_FETCH("iris")},
     .kind = GR_DATA_TABLE,
     .places = {"uci/iris.data", "iris/iris.data", "iris.data"},
     .files = gr_iris_files,
     .feature_names = known_iris_features},
    {.info = {"wine", "three growers of wine by its chemistry", KNOWN_SHAPE(13), 3, 178, 0,
              KNOWN_FETCH("wine")},
     .kind = GR_DATA_TABLE,
     .places = {"uci/wine.data", "wine/wine.data", "wine.data"},
     .files = gr_wine_files,
     .feature_names = known_wine_features,
     .label = "1"},
    {.info = {"breast-cancer", "benign (B) or malignant (M) by the cells' nuclei", KNOWN_SHAPE(30),
              2, 569, 0, KNOWN_FETCH("breast-cancer")},
     .kind = GR_DATA_TABLE,
     .places = {"uci/wdbc.data", "breast-cancer/wdbc.data", "wdbc.data"},
     .files = gr_cancer_files,
     .feature_names = known_cancer_features,
     .label = "2",
     .ignore = "1"},
    {.info = {"tinyshakespeare", "plays of Shakespeare, 1.1 million characters", KNOWN_SHAPE(64),
              65, 15685, 1742, KNOWN_FETCH("tinyshakespeare")},
     .kind = GR_DATA_TEXT,
     .places = {"tinyshakespeare/input.txt"},
     .files = gr_shakespeare_files},
    {.info = {"ntm-copy", "up to 20 rows of 8 bits to say again, made as needed",
              KNOWN_SHAPE(42, 19), 20, 1000, 256, KNOWN_MADE},
     .kind = GR_DATA_TASK},
    {.info = {"ntm-repeat-copy", "up to 10 rows to say up to 10 times, made as needed",
              KNOWN_SHAPE(113, 20), 10, 1000, 256, KNOWN_MADE},
     .kind = GR_DATA_TASK},
    {.info = {"ntm-associative-recall", "which of up to 6 items came next, made as needed",
              KNOWN_SHAPE(32, 15), 5, 1000, 256, KNOWN_MADE},
     .kind = GR_DATA_TASK},
    {.info = {"circle", "points of the plane: a disc and the ring around it", KNOWN_SHAPE(2), 2,
              300, 300, KNOWN_MADE},
     .kind = GR_DATA_POINTS},
    {.info = {"spiral", "points of the plane: three arms of a spiral", KNOWN_SHAPE(2), 3, 300, 300,
              KNOWN_MADE},
     .kind = GR_DATA_POINTS},
    {.info = {"moons", "points of the plane: two half circles that reach into each other",
              KNOWN_SHAPE(2), 2, 300, 300, KNOWN_MADE},
     .kind = GR_DATA_POINTS},
    {.info = {"blobs", "points of the plane: three round heaps", KNOWN_SHAPE(2), 3, 300, 300,
              KNOWN_MADE},
     .kind = GR_DATA_POINTS},
    {.info = {"xor", "points of the plane: whether two numbers have the same sign", KNOWN_SHAPE(2),
              2, 300, 300, KNOWN_MADE},
     .kind = GR_DATA_POINTS},
};
const int gr_known_count = GR_LEN(gr_known_sets);
